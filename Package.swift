// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

/// The library of vectorized elementary functions on Linux: glibc's, or SLEEF's where glibc has only some of them.
#if arch(arm64)
  let vectorMath = "sleefgnuabi"
#else
  let vectorMath = "mvec"
#endif

/// Plugins export only their entry symbol, and drop unused parts of the SDK.
let pluginLinking: [LinkerSetting] = [
  .unsafeFlags(
    [
      "-Xlinker", "--version-script=\(Context.packageDirectory)/Plugins/exports.map",
      "-Xlinker", "--gc-sections", "-Xlinker", "--strip-all",
      // Installed plugins find Swift's libraries in the parent directory.
      "-Xlinker", "-rpath", "-Xlinker", "$ORIGIN/..",
    ], .when(platforms: [.linux]))
]

// One library per file, in alphabetical order. The files are named here because a manifest that lists a folder is cached.
let losses = [
  "AlphaDPO",
  "AOT",
  "AOTUnpaired",
  "APODown",
  "APOZero",
  "ARPO",
  "ASFT",
  "BCO",
  "BCOUnpaired",
  "BetaDPO",
  "BPO",
  "C2DPO",
  "CalDPO",
  "CalIPO",
  "CalSLiC",
  "ChiPO",
  "CPO",
  "CPOSimPO",
  "DILBCE",
  "DILLSIF",
  "DILUKL",
  "DiscoPOP",
  "DPO",
  "DPOP",
  "DPOShift",
  "DrDPO",
  "EXO",
  "EXOPair",
  "FocalPO",
  "GPOExponential",
  "GPOSavage",
  "GPOTruncatedQuadratic",
  "HDPO",
  "Hinge",
  "HPO",
  "InfoNCA",
  "IPO",
  "KTO",
  "KTOPair",
  "MinorDPO",
  "MinorSFT",
  "MPO",
  "NCA",
  "NCAPair",
  "ODPO",
  "ORPO",
  "PlackettLuce",
  "RDPO",
  "RLHF",
  "RobustDPO",
  "RPO",
  "RSDPO",
  "SFT",
  "SimPER",
  "SimPO",
  "SLiC",
  "SPPO",
  "SPPOHard",
  "TDPO1",
  "TDPO2",
  "WeightedMLE",
  "WPO",
]
let rewards = [
  "AlphaDivergence",
  "AlphaProbability",
  "ChiSquared",
  "DownSampled",
  "ForwardKL",
  "JensenShannon",
  "LengthDesensitized",
  "LogOdds",
  "LogProbability",
  "LogRatio",
  "MeanLogProbability",
  "MeanLogRatio",
  "MomentumReference",
  "MultiReference",
]

func plugins(_ names: [String], in folder: String) -> [Target] {
  names.map { name in
    .target(
      name: name, dependencies: ["LossKit"], path: "Plugins/\(folder)",
      exclude: names.filter { $0 != name }.map { "\($0).swift" }, sources: ["\(name).swift"],
      linkerSettings: pluginLinking)
  }
}

let policies: [Target] = [
  .target(
    name: "Transformer",
    dependencies: [
      "LossKit", "LossKitJSON", "LossKitLogits", "LossKitHead", "LossKitSystem", "LossKitTokenizer", "LossKitTemplate",
      "CDNNL", "CMD", "CLossKitRows",
    ],
    path: "Plugins/Policies/Transformer",
    // Without optimization its loops are 200 times slower, and the tests train models.
    swiftSettings: settings + [.unsafeFlags(["-O"], .when(configuration: .debug))], linkerSettings: pluginLinking),
  .target(
    name: "LogProbabilityFile", dependencies: ["LossKitJSON", "LossKit", "LossKitSystem"],
    path: "Plugins/Policies/LogProbabilityFile",
    swiftSettings: settings, linkerSettings: pluginLinking),
]

let pluginTargets = plugins(losses, in: "Losses") + plugins(rewards, in: "Rewards") + policies

let package = Package(
  name: "LossKit",
  products: [
    .library(name: "LossKit", targets: ["LossKit"]),
    .library(name: "LossKitLogits", targets: ["LossKitLogits"]),
    .library(name: "LossKitHead", targets: ["LossKitHead"]),
    .library(name: "LossKitRuntime", targets: ["LossKitRuntime"]),
    .library(name: "LossKitTraining", targets: ["LossKitTraining"]),
    .executable(name: "losskit", targets: ["LossKitCommand"]),
    .executable(name: "losskit-index", targets: ["LossKitIndex"]),
    // The Makefile links liblosskit.so from it: the command has that product's name, and a host library among the
    // plugins of a build tree would be taken for a plugin.
    .library(name: "LossKitC", type: .static, targets: ["LossKitC"]),
  ] + pluginTargets.map { .library(name: $0.name, type: .dynamic, targets: [$0.name]) },
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
  ],
  targets: [
    .target(name: "CLossKit"),
    .target(name: "CLossKitKernels", linkerSettings: [.linkedLibrary(vectorMath, .when(platforms: [.linux]))]),
    .target(
      name: "CLossKitRows", dependencies: ["CLossKitKernels"],
      cSettings: [
        .headerSearchPath("../CLossKitKernels/template"),
        // Without optimization its loops would take most of the time of the tests.
        .unsafeFlags(["-O2"], .when(configuration: .debug)),
      ]),
    .target(name: "CLossKitHead"),
    .systemLibrary(name: "CFFI", pkgConfig: "libffi", providers: [.apt(["libffi-dev"])]),
    .target(name: "CLossKitForeign", dependencies: ["CLossKit", "CFFI"], linkerSettings: [.linkedLibrary("ffi")]),
    .systemLibrary(name: "CDNNL", providers: [.apt(["libdnnl-dev"])]),
    .systemLibrary(name: "CMalloc"),
    .systemLibrary(name: "CMD", providers: [.apt(["libmd-dev"])]),
    .systemLibrary(name: "CPCRE", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
    .systemLibrary(name: "CUTF8Proc", providers: [.apt(["libutf8proc-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "LossKit", dependencies: ["CLossKit", "CLossKitKernels"], swiftSettings: settings),
    .target(
      name: "LossKitSystem", dependencies: ["LossKit", .product(name: "SystemPackage", package: "swift-system")],
      swiftSettings: settings),
    .target(
      name: "LossKitJSON", dependencies: ["LossKit"],
      // Without optimization large files would take most of the time of the tests.
      swiftSettings: settings + [.unsafeFlags(["-O"], .when(configuration: .debug))]),
    .target(
      name: "LossKitLogits", dependencies: ["LossKit", "LossKitSystem", "CLossKitRows"], swiftSettings: settings),
    .target(
      name: "LossKitHead",
      dependencies: ["LossKitLogits", "LossKit", "LossKitSystem", "CLossKitHead", "CLossKitRows", "CDNNL"],
      swiftSettings: settings),
    .target(
      name: "LossKitTokenizer", dependencies: ["LossKitJSON", "LossKit", "LossKitSystem", "CPCRE", "CUTF8Proc"],
      // Without optimization a vocabulary takes a minute to read.
      swiftSettings: settings + [.unsafeFlags(["-O"], .when(configuration: .debug))]),
    .target(
      name: "LossKitTemplate", dependencies: ["LossKitJSON", "LossKit", "LossKitSystem"],
      // Frames without optimization are so large that the depth of macros would have to be smaller.
      swiftSettings: settings + [.unsafeFlags(["-O"], .when(configuration: .debug))]),
    .target(name: "LossKitSource", dependencies: ["LossKitJSON", "LossKit"], swiftSettings: settings),
    .target(
      name: "LossKitRuntime",
      dependencies: [
        "LossKitSource", "LossKitJSON", "LossKit", "LossKitSystem", "CLossKit", "CLossKitForeign", "CMD",
      ],
      swiftSettings: settings),
    .target(
      // The library contains the functions of losskit_logprob.h.
      name: "LossKitC",
      dependencies: ["LossKitRuntime", "LossKit", "LossKitSystem", "CLossKit", "CLossKitKernels", "CLossKitRows"],
      exclude: ["exports.map", "losskit.pc.in"], swiftSettings: settings),
    .executableTarget(
      name: "LossKitIndex", dependencies: ["LossKitRuntime", "LossKitSystem"], swiftSettings: settings),
    .target(
      name: "LossKitTraining",
      dependencies: [
        "LossKitRuntime", "LossKitJSON", "LossKit", "LossKitSystem", "CZlib",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: settings),
    .target(
      name: "LossKitConformance", dependencies: ["LossKitRuntime", "LossKit", "LossKitSystem", "CLossKit", "CMalloc"],
      swiftSettings: settings),
    .executableTarget(
      name: "LossKitCommand",
      dependencies: [
        "LossKitTraining", "LossKitConformance", "LossKitRuntime", "LossKitSource", "LossKitJSON", "LossKit",
        "LossKitSystem", "LossKitTokenizer", "LossKitTemplate", "Yams",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ], resources: [.embedInCode("New/Rust")], swiftSettings: settings),
    // The part of LossKitHead that `make bench` measures.
    .executableTarget(
      name: "HeadBenchmark",
      dependencies: ["LossKitHead", "LossKitLogits", "LossKitRuntime", "LossKit", "LossKitSystem"],
      path: "Benchmarks/Head", swiftSettings: settings),
    .testTarget(
      name: "KernelTests", dependencies: ["LossKitSystem", "LossKit", "CLossKitKernels"], swiftSettings: settings),
    .testTarget(
      name: "LogitTests",
      dependencies: ["LossKitHead", "LossKitLogits", "CLossKitRows", "LossKit"],
      exclude: ["Fixtures"],
      swiftSettings: settings),
    .target(
      name: "LossKitTestSupport", dependencies: ["LossKitConformance", "LossKit", "CLossKit"], path: "Tests/Support",
      swiftSettings: settings),
    .testTarget(
      name: "LossKitTests", dependencies: ["LossKitTestSupport", "LossKit", "CLossKit", "CLossKitKernels"],
      swiftSettings: settings),
    .testTarget(
      name: "RuntimeTests",
      dependencies: [
        "LossKitTestSupport", "LossKitTraining", "LossKitRuntime", "LossKitSource", "LossKitJSON", "LossKit",
        "LossKitSystem",
        "CLossKit",
      ],
      exclude: ["Fixtures"], swiftSettings: settings),
    .testTarget(
      name: "TrainingTests",
      dependencies: [
        "LossKitTestSupport", "LossKitTraining", "LossKitRuntime", "LossKitJSON", "LossKit", "LossKitSystem",
        "Transformer",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: settings),
    .testTarget(
      name: "TransformerTests",
      dependencies: [
        "Transformer", "CLossKitRows", "LossKitHead", "LossKitRuntime", "LossKitJSON", "LossKitLogits", "LossKit",
        "LossKitSystem", "CLossKit", "CDNNL",
      ],
      exclude: ["Fixtures"],
      swiftSettings: settings),
    .testTarget(
      name: "TokenizerTests", dependencies: ["LossKitTokenizer", "LossKitJSON", "LossKit", "LossKitSystem"],
      swiftSettings: settings),
    .testTarget(
      name: "TemplateTests", dependencies: ["LossKitTemplate", "LossKitJSON", "LossKit"], swiftSettings: settings),
    .testTarget(
      name: "HostTests", dependencies: ["LossKitRuntime", "LossKit"],
      exclude: ["Fixtures", "thread-sanitizer.supp"],
      swiftSettings: settings),
    .testTarget(
      name: "CommandTests",
      dependencies: [
        "LossKitTestSupport", "LossKitRuntime", "LossKitTraining", "LossKitJSON", "LossKit", "LossKitSystem",
        "LossKitCommand",
      ],
      exclude: ["Check/Corpus"],
      swiftSettings: settings),
    // `make fuzz` links its objects with libFuzzer.
    .testTarget(
      name: "FuzzTests",
      dependencies: [
        "LossKitCommand", "LossKitTraining", "LossKitRuntime", "LossKitTemplate", "LossKitJSON", "LossKitSystem",
        "LossKit",
        "Transformer",
      ],
      exclude: ["Corpus", "run", "sequence.c"], swiftSettings: settings),
  ] + pluginTargets,
  swiftLanguageModes: [.v6]
)
