// swift-tools-version: 6.2
import PackageDescription

// The library of vectorized elementary functions on Linux, as in the package above.
#if arch(arm64)
  let vectorMath = "sleefgnuabi"
#else
  let vectorMath = "mvec"
#endif

// The SDK alone, which plugins outside this repository link: no host, nothing to fetch. `losskit sdk` names this directory, or the
// copy of it that `make install` makes; the package above is what everything here is built from.
let package = Package(
  name: "LossKit",
  products: [.library(name: "LossKit", targets: ["LossKit"])],
  targets: [
    .target(name: "CLossKit", path: "CLossKit"),
    .target(
      name: "CLossKitKernels", path: "CLossKitKernels",
      linkerSettings: [.linkedLibrary(vectorMath, .when(platforms: [.linux]))]),
    .target(
      name: "LossKit", dependencies: ["CLossKit", "CLossKitKernels"], path: "LossKit",
      swiftSettings: [
        .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
