/// A file of a project.
struct ProjectFile {
  let path: String
  let text: String
}

/// A plugin project: the files of its language, and those common to all.
struct Project {
  let names: ProjectNames
  let language: ProjectLanguage
  let sources: LossKitSources
  /// The plugin source generated from a formula; such a project has no precomputed losses.
  let formula: String?

  /// All files, starting with the one to edit.
  var files: [ProjectFile] {
    let own =
      switch language {
      case .swift: SwiftProject(names: names, formula: formula).files
      case .c: CProject(names: names, headers: sources.headers).files
      case .rust: RustProject(names: names).files
      }
    let test = [
      ProjectFile(path: "test.sh", text: testScript), ProjectFile(path: "test/rows.jsonl", text: Self.rows),
      ProjectFile(path: "test/losses", text: losses),
    ]
    return own.files + [ProjectFile(path: "Makefile", text: makefile(own))] + (formula == nil ? test : []) + [
      ProjectFile(path: "README.md", text: readme(own)),
      ProjectFile(path: ".gitignore", text: own.ignored.map { "\($0)\n" }.joined() + "/plugin/\n"),
    ]
  }

  private func makefile(_ own: LanguageFiles) -> String {
    """
    # make builds \(names.library); make test \(testSummary).
    # If losskit is not in PATH: make LOSSKIT=/path/to/losskit
    LOSSKIT ?= losskit
    LIBRARY := \(names.library)

    \(own.buildRule)

    .PHONY: test command
    test: $(LIBRARY) command
    \t"$(LOSSKIT)" check $(LIBRARY)

    """ + (formula == nil ? "\tLOSSKIT=\"$(LOSSKIT)\" sh test.sh\n" : "") + """

      command:
      \t@command -v "$(LOSSKIT)" >/dev/null || { echo "$(LOSSKIT): command not found; add its directory to PATH, \\
      or run make LOSSKIT=/path/to/losskit" >&2; exit 1; }

      """
  }

  private var testSummary: String {
    formula == nil ? "checks it, and compares its losses with those in test/losses" : "checks it"
  }

  /// The component to test, with default hyperparameters, which only the source states.
  private var testedExpression: String {
    switch names.kind {
    case .loss: names.component
    case .reward: "dpo(beta=0.1) @ \(names.component)"
    }
  }

  private var testScript: String {
    #"""
    #!/bin/sh
    # The loss of each row of test/rows.jsonl must equal the one on the same line of test/losses.
    set -eu
    cd "$(dirname "$0")"
    results=$(mktemp)
    trap 'rm -f "$results"' EXIT
    "${LOSSKIT:-losskit}" evaluate --loss '\#(testedExpression)' --plugin-path plugin --input test/rows.jsonl --output "$results" >/dev/null
    sed 's/.*"loss": *\([^,}]*\).*/\1/' "$results" | paste - test/losses | awk '
      { difference = $1 - $2; size = $2; if (difference < 0) difference = -difference; if (size < 0) size = -size }
      NF != 2 || difference > 1e-10 * (1 + size) { print "test/rows.jsonl:" NR ": the loss is " $1 ", not " $2; failed = 1 }
      END { if (!failed) print NR " losses are as expected."; exit failed }'

    """#
  }

  /// Log-ratios of 1 and −1, and of 0 and 0.
  private static let rows = """
    {"policy_chosen_logps": -10, "policy_rejected_logps": -12, "ref_chosen_logps": -11, "ref_rejected_logps": -11}
    {"policy_chosen_logps": -11, "policy_rejected_logps": -11, "ref_chosen_logps": -11, "ref_rejected_logps": -11}

    """

  /// log(1 + exp(−β · margin)) of `rows`, with the default β = 0.1. The margin is 2; for the reward, which grows with the log of a sigmoid,
  /// it is 1.
  private var losses: String {
    switch names.kind {
    case .loss: "0.5981388693815918\n0.6931471805599453\n"
    case .reward: "0.6443966600735709\n0.6931471805599453\n"
    }
  }

  private func readme(_ own: LanguageFiles) -> String {
    """
    # \(names.component)

    A \(names.kind) for LossKit, in \(language.title). The file to edit is \(own.files[0].path)\(testPlace).

    ```
    make          # builds \(names.library): \(own.buildLine)
    make test     # \(testSummary)
    losskit describe \(names.component) --plugin-path plugin
    losskit train --loss '\(names.expression)' --plugin-path plugin --output run
    ```

    `make LOSSKIT=/path/to/losskit` names the command where it is not in PATH\(own.sdkNote).

    A program that uses LossKit finds the plugin in a directory of LOSSKIT_PLUGIN_PATH, under the name "\(names.component)".

    """
  }

  private var testPlace: String {
    formula == nil
      ? """
      ; expected losses go to
      test/losses, for the log-probabilities on the same line of test/rows.jsonl
      """ : ""
  }
}

/// The language-specific part of a project.
struct LanguageFiles {
  /// The file to edit first.
  let files: [ProjectFile]
  /// The Makefile rule that makes `$(LIBRARY)`.
  let buildRule: String
  /// The command that compiles, on one line.
  let buildLine: String
  /// The files that version control ignores, besides the built plugin.
  let ignored: [String]
  /// The README's note on LossKit's sources; empty if they are not needed.
  var sdkNote = ""
}
