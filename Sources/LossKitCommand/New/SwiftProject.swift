/// A Swift package with one plugin.
struct SwiftProject {
  let names: ProjectNames
  /// The source generated from a formula; nil for a template.
  let formula: String?

  var files: LanguageFiles {
    LanguageFiles(
      files: [
        ProjectFile(path: "Sources/\(names.type)/\(names.type).swift", text: formula ?? source),
        ProjectFile(path: "Package.swift", text: manifest),
        ProjectFile(path: "exports.map", text: "{ global: losskit_plugin_entry_v1; local: *; };\n"),
      ],
      buildRule: """
        .PHONY: $(LIBRARY) LossKit
        $(LIBRARY): LossKit
        \tswift build -c release --product \(names.type)
        \tinstall -d -m 755 plugin
        \tinstall -m 755 .build/release/lib\(names.type).so $@

        # A link to the Swift package LossKit that the command names, or SDK=/path/to/it.
        LossKit: command
        \t@sdk=$${SDK:-$$("$(LOSSKIT)" sdk)} && ln -sfn "$$sdk" $@
        """,
      buildLine: "swift build -c release --product \(names.type)", ignored: ["/.build/", "/LossKit"],
      sdkNote: """
        ; the link LossKit, which make renews, leads to
        the Swift package that `losskit sdk` names
        """)
  }

  private var source: String {
    switch names.kind {
    case .loss:
      """
      import LossKit

      /// Write here what it is and where it is from: paper, equation.
      struct \(names.type): PairwiseLoss {
        static let name = "\(names.component)"
        static let summary = "Logistic loss of the margin."
        static let hyperparameters = [Hyperparameter("beta", \\Self.beta, in: .positive, "KL strength").scalingRewards()]
        var beta: Formula = 0.1

        func loss(_ pair: Pair) -> Formula {
          -logSigmoid(beta * (pair.chosen.reward - pair.rejected.reward))
        }
      }

      \(entry)
      """
    case .reward:
      """
      import LossKit

      /// Write here what it is and where it is from: paper, equation.
      struct \(names.type): RewardParameterization {
        static let name = "\(names.component)"
        static let summary = "Log-ratio, bounded above."
        static let hyperparameters = [Hyperparameter("tau", \\Self.tau, in: .positive, "bend, in nats")]
        var tau: Formula = 1

        func reward(_ response: Response) -> Formula {
          tau * (logSigmoid((response.logProbability - response.referenceLogProbability) / tau) + log(2))
        }
      }

      \(entry)
      """
    }
  }

  private var entry: String {
    """
    /// The entry point that a host calls.
    @c(losskit_plugin_entry_v1)
    public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
      Plugin.export(\(names.type).self, error: error)
    }

    """
  }

  private var manifest: String {
    #"""
    // swift-tools-version: 6.2
    import PackageDescription

    let package = Package(
      name: "\#(names.component)",
      products: [.library(name: "\#(names.type)", type: .dynamic, targets: ["\#(names.type)"])],
      // A link that make updates.
      dependencies: [.package(path: "LossKit")],
      targets: [
        .target(
          name: "\#(names.type)", dependencies: [.product(name: "LossKit", package: "LossKit")],
          // The library exports only its entry, and drops unused parts of LossKit.
          linkerSettings: [
            .unsafeFlags(
              [
                "-Xlinker", "--version-script=\(Context.packageDirectory)/exports.map",
                "-Xlinker", "--gc-sections", "-Xlinker", "--strip-all",
              ], .when(platforms: [.linux]))
          ])
      ]
    )

    """#
  }
}
