import Foundation
import LossKitTraining
import Testing

@Suite struct UsageTests {
  @Test func theVersion() throws {
    let run = try Tool.run(["--version"])
    #expect(run.status == 0 && run.error == "" && run.output.hasPrefix("losskit "))
  }

  @Test(arguments: ["list", "describe", "evaluate", "export", "train", "compare", "check"])
  func everyCommandHasHelp(_ command: String) throws {
    let root = try Tool.run(["--help"])
    let run = try Tool.run([command, "--help"])
    #expect(root.status == 0 && root.output.contains("\n  \(command) "))
    #expect(run.status == 0 && run.error == "" && run.output.contains("USAGE: losskit \(command)"))
    #expect(run.output.contains("--plugin-path"))
  }

  @Test func theHelpOfVerifyTellsItsStatus() throws {
    let root = try Tool.run(["--help"])
    let run = try Tool.run(["verify", "--help"])
    #expect(root.output.contains("\n  verify ") && run.status == 0 && run.output.contains("USAGE: losskit verify"))
    #expect(run.output.contains("The exit status is 0 if everything is whole, 65 if something is not"))
  }

  @Test(arguments: ["train", "compare"])
  func helpHasEveryKeyOfTheTrainingWithItsDefault(_ command: String) throws {
    let help = try Tool.run([command, "--help"]).output
    for key in TrainingConfiguration.keys {
      let option = "--" + key.name.replacing("_", with: "-")
      let entry = help.components(after: "  \(option) <")
      #expect(entry?.contains("default: \(key.defaultText))") == true, "\(option)")
    }
  }

  @Test func anUnknownCommandHasTheNearestNames() throws {
    let run = try Tool.run(["describ", "dpo"])
    #expect(run.status == 64 && run.output == "")
    #expect(run.error == "losskit: error: unknown command 'describ'; did you mean 'describe'?\n")
  }

  @Test func anUnknownOption() throws {
    let run = try Tool.run(["list", "--jsn"])
    #expect(run.status == 64 && run.output == "" && run.error.contains("--json"))
  }
}

extension String {
  /// The text from a mark to the next option.
  fileprivate func components(after mark: String) -> Substring? {
    guard let start = range(of: mark)?.upperBound else { return nil }
    let rest = self[start...]
    return rest[..<(rest.range(of: "\n  --")?.lowerBound ?? rest.endIndex)].replacing("\n", with: " ")
      .replacing("         ", with: " ").replacing("       ", with: " ")[...]
  }
}
