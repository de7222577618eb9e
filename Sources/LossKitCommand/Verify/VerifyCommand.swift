import ArgumentParser
import LossKit
import LossKitTraining

/// `losskit verify`: whether the files of runs are as they were written.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Checks whether the files of runs are whole.",
    discussion: """
      Every checkpoint, saved reference and final model has a manifest with the size and SHA-256 digest of each of its files; it is \
      written last. The command compares them, checks run.json, metrics.jsonl and reference.bin, and changes nothing. Each part of \
      a run is one line: whole, or what is wrong with it. A run that is being written is refused.

      A checkpoint without a manifest is incomplete, or of LossKit 1.0.0, whose runs cannot be resumed by later versions; it \
      counts as damaged.

      The exit status is 0 if everything is whole, 65 if something is not, and 1 if a directory holds no run or is in use.

      EXAMPLES
        losskit verify runs/dpo
        losskit verify runs/comparison/*/
      """)

  @Argument(help: "The output directories of runs.", completion: .directory)
  var runs: [String]

  func run() throws {
    var isWhole = true
    for path in runs {
      let verification = try RunVerification(of: path)
      isWhole = isWhole && verification.isWhole
      let prefix = runs.count > 1 ? "\(path)/".replacing("//", with: "/") : ""
      try Console.show(
        alignedLines(verification.findings.map { [prefix + $0.name, $0.problem.map { "damaged: \($0)" } ?? "whole"] }))
    }
    guard isWhole else {
      throw CommandFailure(
        status: .data,
        message:
          "a damaged checkpoint is passed over by 'losskit train --resume'; replace other damaged parts by a copy")
    }
  }
}
