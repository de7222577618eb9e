import LossKit
import Testing

@testable import LossKitTraining

@Suite("Columns from the data")
struct ColumnsTests {
  static let pair = #""prompt": "p", "chosen": "a", "rejected": "b""#

  private func given(_ column: Column, _ rows: String...) throws -> GivenColumn? {
    try Rows.dataset(rows.joined(separator: "\n")).given(column)
  }

  private func complaint(_ column: Column, _ rows: String...) -> String {
    do {
      _ = try Rows.dataset(rows.joined(separator: "\n")).given(column)
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test("A number per prompt; an array or two keys per response; arrays over tokens")
  func forms() throws {
    let margin = Column("margin", per: .prompt)
    let quality = Column("quality")
    let weights = Column("weight", per: .token)
    #expect(
      try given(margin, "{\(Self.pair), \"margin\": 0.5}", "{\(Self.pair), \"margin\": 2}")
        == GivenColumn(keys: ["margin"], references: 1, values: [0.5, 2], tokenCounts: []))
    #expect(try given(quality, "{\(Self.pair), \"quality\": [3, 1]}")?.values == [3, 1])
    #expect(
      try given(quality, "{\(Self.pair), \"chosen_quality\": 3, \"rejected_quality\": 1}")
        == GivenColumn(keys: ["chosen_quality", "rejected_quality"], references: 1, values: [3, 1], tokenCounts: []))
    for score in [
      "\"score\": [8, 3]", "\"scores\": [8, 3]", "\"chosen_score\": 8, \"rejected_score\": 3",
      "\"score_chosen\": 8, \"score_rejected\": 3",
    ] {
      #expect(try given(.score, "{\(Self.pair), \(score)}")?.values == [8, 3], "\(score)")
    }
    #expect(
      try given(weights, "{\(Self.pair), \"weight\": [[1, 2, 3], [4]]}")
        == GivenColumn(keys: ["weight"], references: 1, values: [1, 2, 3, 4], tokenCounts: [3, 1]))
    #expect(
      try given(weights, "{\(Self.pair), \"chosen_weight\": [1, 2], \"rejected_weight\": [4]}")?.values == [1, 2, 4])
    #expect(
      try given(quality, #"{"prompt": "p", "completion": "a", "label": true, "quality": 7}"#)?.values == [7])
    #expect(try given(quality, "{\(Self.pair)}") == nil)
  }

  @Test("The values of a ranking follow its responses, which are sorted and deduplicated")
  func rankings() throws {
    let row =
      #"{"prompt": "p", "responses": ["a", "b", "c", "b"], "scores": [1, 2, 3, 0], "quality": [10, 20, 30, 40]}"#
    #expect(try given(Column("quality"), row)?.values == [30, 20, 10])
    #expect(try given(.score, row)?.values == [3, 2, 1])
  }

  @Test("Log-probabilities of one reference or several")
  func references() throws {
    let logProbability = Column.referenceLogProbability
    let two = "{\(Self.pair), \"reference_logp\": [[-1, -2], [-3, -4]]}"
    #expect(try given(logProbability, two, two)?.values == [-1, -2, -1, -2, -3, -4, -3, -4])
    #expect(try given(logProbability, two)?.references == 2)
    let one = "{\(Self.pair), \"ref_chosen_logps\": -1, \"ref_rejected_logps\": -100}"
    #expect(try given(logProbability, one)?.values == [-1, -100])
    #expect(
      complaint(logProbability, two, "{\(Self.pair), \"reference_logp\": [-1, -2]}")
        == "rows.jsonl, line 2: reference_logp has 1 reference, other lines have 2; write equally many")
  }

  @Test("Pairs that become two rows keep the values of each response")
  func unpaired() throws {
    let data = try Rows.dataset("{\(Self.pair), \"quality\": [3, 1]}", "{\(Self.pair), \"quality\": [5, 2]}")
    #expect(try data.unpaired.given(Column("quality"))?.values == [3, 1, 5, 2])
  }

  @Test(
    "A value that is not as it should be is named with its line and key",
    arguments: [
      (#""quality": [1]"#, "quality covers 1 response, the row has 2; cover each one"),
      (#""quality": "good""#, "quality is a string; write an array of numbers, one per response"),
      (#""quality": [1, "2"]"#, "response 2 of quality is a string; write an array of numbers, one per response"),
      (#""quality": [1, null]"#, "response 2 of quality is null; write an array"),
      (#""quality": 1"#, "quality covers 1 response, the row has 2"),
      (#""quality": []"#, "quality has no response"), (#""quality": null"#, "has no quality, which other lines have"),
      (#""other": 1"#, "has no quality, which other lines have; all lines need the same columns"),
      (
        #""chosen_quality": 1, "rejected_quality": 2"#,
        "has chosen_quality and rejected_quality, line 1 quality; write all"
      ),
      (
        #""quality": [1, 2], "chosen_quality": 1"#, "quality and chosen_quality name the same column; write one of them"
      ),
      (#""chosen_quality": 1"#, "has no rejected_quality beside chosen_quality; write both"),
    ])
  func wrong(members: String, expected: String) {
    let message = complaint(Column("quality"), "{\(Self.pair), \"quality\": [1, 2]}", "{\(Self.pair), \(members)}")
    #expect(message.hasPrefix("rows.jsonl, line 2: \(expected)"), "\(message)")
  }

  @Test("A number per prompt is not an array")
  func wrongExtent() {
    let message = complaint(Column("margin", per: .prompt), "{\(Self.pair), \"margin\": [1, 2]}")
    #expect(message == "rows.jsonl, line 1: margin is a list; write a number")
  }

  @Test("Scores of a ranking together with a column of scores are rejected")
  func twoScores() {
    let message = complaint(.score, #"{"prompt": "p", "responses": ["a", "b"], "scores": [5, 1], "score": [0, 100]}"#)
    #expect(message == "rows.jsonl, line 1: scores and score name the same column; write one of them")
  }
}
