import LossKit
import LossKitSystem
import LossKitTraining
import Testing

@Suite(
  "Preference data: real files", .enabled(if: access(Rows.realData, R_OK) == 0, "the folder of real data is absent"))
struct RealDataTests {
  private func read(_ name: String) throws -> PreferenceDataset {
    try PreferenceDataset.read(path: "\(Rows.realData)/\(name).jsonl")
  }

  @Test(
    "HH gives the same pairs in all three forms", arguments: [("hh-helpful-train", 1070), ("hh-helpful-test", 300)])
  func threeForms(name: String, count: Int) throws {
    let explicit = try read("\(name).explicit")
    #expect(explicit.examples.count == count)
    #expect(explicit.report == DataReport(rows: count, kept: count))
    #expect(try read("\(name).implicit").examples == explicit.examples)
    #expect(try read("\(name).conversational").transcripts == explicit.examples)
  }

  @Test("The longer response is chosen as often as the data set documents")
  func lengths() throws {
    #expect(abs((try read("hh-helpful-train.explicit").longerResponseAccuracy ?? 0) - 0.59) < 0.01)
    #expect(abs((try read("ukp-convarg-train").longerResponseAccuracy ?? 0) - 0.76) < 0.01)
  }

  @Test(
    "Rankings of several lengths are read",
    arguments: [("ukp-convarg-listwise-train", 283, 3...8), ("fgrlhf-qa-listwise-test", 50, 4...4)])
  func rankings(name: String, count: Int, lengths: ClosedRange<Int>) throws {
    let dataset = try read(name)
    #expect(dataset.kind == .rankings)
    #expect(dataset.examples.count == count)
    for example in dataset.examples {
      #expect(lengths.contains(example.responses.count) || dataset.report.duplicateResponses.contains(example.line))
      let scores = try #require(example.scores)
      #expect(zip(scores, scores.dropFirst()).allSatisfy { $0 >= $1 })
    }
  }

  @Test("Malformed records of HH: empty responses are rejected, the rest is read")
  func quirks() throws {
    #expect(throws: Failure.self) { try read("hh-quirks.implicit") }
    let content = try bytes(of: "\(Rows.realData)/hh-quirks.implicit.jsonl")
    let rest = content.split(separator: UInt8(ascii: "\n")).dropFirst(3).joined(separator: [UInt8(ascii: "\n")])
    let dataset = try PreferenceDataset.read(Array(rest), name: "quirks")
    #expect(dataset.examples.count == 29)
    #expect(!dataset.report.furtherTurns.isEmpty)
    for example in dataset.examples { #expect(example.prompt.hasSuffix("\n\nAssistant:")) }
  }

  private func bytes(of path: String) throws -> [UInt8] {
    let file = try #require(fopen(path, "r"))
    defer { fclose(file) }
    var content = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&content, 1, content.count, file)
    return Array(content.prefix(count))
  }
}
