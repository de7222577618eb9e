import LossKit

@testable import LossKitTraining

/// Preference data written out in a test.
enum Rows {
  /// The folder of real preference data beside the checkout; the tests that use it are skipped where it is absent.
  static let realData: String = {
    let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
    return "/\(root)/../shared/data"
  }()

  /// The data set in these lines.
  static func dataset(_ lines: String...) throws -> PreferenceDataset {
    try PreferenceDataset.read(Array(lines.joined(separator: "\n").utf8), name: "rows.jsonl")
  }

  /// The error of reading these lines, or nil.
  static func complaint(about lines: String...) -> String {
    do {
      _ = try PreferenceDataset.read(Array(lines.joined(separator: "\n").utf8), name: "rows.jsonl")
      return ""
    } catch {
      return "\(error)"
    }
  }
}

extension PreferenceDataset {
  /// The examples as text, without the messages that it is the transcript of.
  var transcripts: [PreferenceExample] {
    examples.map { example in
      var text = example
      text.conversation = nil
      return text
    }
  }
}
