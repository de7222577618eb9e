import Testing

/// Invalid input: status 65, a message with the line, and nothing on standard output.
@Suite struct EvaluateDataErrorsTests {
  private func complaint(
    _ rows: String, loss: String = "dpo", sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> String {
    try complaint(Array(rows.utf8), loss: loss, sourceLocation: sourceLocation)
  }

  private func complaint(_ bytes: [UInt8], loss: String, sourceLocation: SourceLocation) throws -> String {
    let run = try Tool.run(["evaluate", "--loss", loss, "--input", "-", "--output", "-"], bytes: bytes)
    #expect(run.status == 65 && run.output == "", sourceLocation: sourceLocation)
    let prefix = "losskit: error: standard input"
    #expect(run.error.hasPrefix(prefix), "\(run.error)", sourceLocation: sourceLocation)
    return String(run.error.dropFirst(prefix.count).dropLast())
  }

  private let good = #"{"policy_logp": [-10, -12], "reference_logp": [-11, -11]}"# + "\n"

  @Test func aFileThatIsMissing() throws {
    let run = try Tool.run(["evaluate", "--loss", "dpo", "--input", "/nowhere/rows.jsonl"])
    #expect(run.status == 65 && run.output == "")
    #expect(run.error.hasPrefix("losskit: error: /nowhere/rows.jsonl: cannot be read: No such file or directory"))
  }

  @Test func nothing() throws {
    #expect(try complaint("\n") == ": has no lines; write one JSON object a line, one line a prompt")
  }

  @Test func noJSON() throws { #expect(try complaint(good + "policy_logp\n").hasPrefix(", line 2: not JSON")) }

  @Test func notANumber() throws {
    #expect(
      try complaint(good + #"{"policy_logp": [NaN, -12], "reference_logp": [-11, -11]}"#).hasPrefix(
        ", line 2: not JSON"))
  }

  @Test func aNumberThatNoDoubleHolds() throws {
    #expect(try complaint(#"{"policy_logp": [1e999, -12], "reference_logp": [-11, -11]}"#).hasPrefix(", line 1: "))
  }

  @Test func notUTF8() throws {
    let text = try complaint(
      Array(good.utf8) + [0x7B, 0x22, 0xFF, 0x22, 0x7D], loss: "dpo", sourceLocation: #_sourceLocation)
    #expect(text.hasPrefix(", line 2: not UTF-8 (column 3)"))
  }

  @Test func noObject() throws {
    #expect(try complaint("3") == ", line 1: a number, not an object; write one JSON object a line")
    #expect(try complaint("[1, 2]") == ", line 1: a number, not an object; write one JSON object a line")
  }

  @Test func aColumnThatTheObjectiveNeeds() throws {
    #expect(
      try complaint(#"{"policy_logp": [-10, -12]}"#)
        == ", line 1: has no reference_logp, which log-ratio needs; the line has policy_logp")
  }

  @Test func aResponseWithoutTokens() throws {
    let text = try complaint(
      #"{"policy_token_logp": [[-1, -2], []], "reference_token_logp": [[-1, -2], []]}"#, loss: "ld-dpo")
    #expect(
      text == ", line 1: response 2 of policy_token_logp has no token; write a number for each, the end token included")
    let pair = try complaint(
      #"{"chosen_policy_token_logp": [], "rejected_policy_token_logp": [-1], "reference_token_logp": [[-1], [-1]]}"#,
      loss: "ld-dpo")
    #expect(pair.hasPrefix(", line 1: chosen_policy_token_logp has no token"), "\(pair)")
  }

  @Test func aColumnThatALaterLineLacks() throws {
    #expect(
      try complaint(good + #"{"policy_logp": [-10, -12]}"#)
        == ", line 2: has no reference_logp, which other lines have; all lines need the same columns")
  }

  @Test func oneOfTwoNamesOfTRL() throws {
    #expect(
      try complaint(#"{"policy_chosen_logps": -10, "ref_chosen_logps": -1, "ref_rejected_logps": -1}"#).contains(
        "has no policy_rejected_logps"))
  }

  @Test func bothNamesOfAColumn() throws {
    #expect(
      try complaint(#"{"policy_chosen_logps": -10, "policy_logp": [-1, -1], "reference_logp": [-1, -1]}"#)
        == ", line 1: policy_logp and policy_chosen_logps name the same column; write one of them")
  }

  @Test func textForANumber() throws {
    #expect(
      try complaint(#"{"policy_logp": [-10, "-12"], "reference_logp": [-11, -11]}"#)
        == ", line 1: response 2 of policy_logp is a string; write an array of numbers, one per response")
  }

  @Test func nullForANumber() throws {
    #expect(
      try complaint(#"{"policy_logp": [-10, null], "reference_logp": [-11, -11]}"#).hasPrefix(
        ", line 1: response 2 of policy_logp is null"))
  }

  @Test func aNumberForAnArray() throws {
    #expect(
      try complaint(#"{"policy_logp": -10, "reference_logp": [-11, -11]}"#)
        == ", line 1: policy_logp is of 1 responses, reference_logp of 2; write as many of each")
  }

  @Test func columnsOfDifferentLength() throws {
    #expect(
      try complaint(#"{"policy_logp": [-10, -12], "reference_logp": [-11]}"#)
        == ", line 1: policy_logp is of 2 responses, reference_logp of 1; write as many of each")
  }

  @Test func noResponse() throws {
    #expect(
      try complaint(#"{"policy_logp": [], "reference_logp": []}"#).hasPrefix(", line 1: policy_logp has no response"))
  }

  @Test func moreResponsesThanTheLossTakes() throws {
    let text = try complaint(good + #"{"policy_logp": [-10, -12, -13], "reference_logp": [-11, -11, -11]}"#)
    #expect(text.hasPrefix(", line 2: ") && text.contains("3 responses"))
  }

  @Test func anotherNumberOfReferencesThanBefore() throws {
    #expect(
      try complaint(good + #"{"policy_logp": [-10, -12], "reference_logp": [[-1, -1], [-1, -1]]}"#).hasPrefix(
        ", line 2: reference_logp of line 2 has 2 references, reference_logp of line 1 1"))
  }

  @Test func fewerReferencesThanTheObjectiveCompares() throws {
    let rows = #"{"policy_logp": [-10, -12], "reference_logp": [-11, -11]}"#
    let run = try Tool.run(["evaluate", "--loss", "dpo @ multi-reference", "--input", "-"], input: rows)
    #expect(run.status == 65 && run.output.isEmpty)
    #expect(run.error.contains("standard input: ") && run.error.contains("2 references"), "\(run.error)")
  }

  @Test func tokenCountsThatAreNone() throws {
    for count in ["-3", "2.5"] {
      for loss in ["dpo", "dpo @ mean-log-ratio"] {
        let row = #"{"policy_logp": [-1, -2], "reference_logp": [-1, -1], "token_count": [1, \#(count)]}"#
        #expect(
          try complaint(good.replacing("}", with: #", "token_count": [1, 1]}"#) + row, loss: loss)
            == ", line 2: column 'token_count' of prompt 2, response 2 is \(count); expected a whole number of tokens, 0 or more"
        )
      }
    }
  }

  @Test func tokenCountsThatContradictTheTokens() throws {
    let row =
      #"{"policy_logp": [-10, -12], "reference_logp": [-11, -11], "policy_token_logp": [[-5, -5], [-6, -6]], "token_count": [2, 3]}"#
    #expect(
      try complaint(row).hasPrefix(
        ", line 1: column 'token_count' of prompt 1, response 2 is 3, and the token offsets give"))
  }

  @Test func logProbabilitiesWithoutAMean() throws {
    let row = #"{"policy_logp": [-1.7e308, 0], "reference_logp": [0, 0]}"# + "\n"
    #expect(
      try complaint(row + row).hasPrefix(
        ", line 1: the sum of the rewards is beyond the range of a double, so that they have no mean; the largest is -1.7e+308"
      ))
  }

  @Test func trailingCommas() throws {
    #expect(
      try complaint(#"{"policy_logp": [-10, -12,], "reference_logp": [-11, -11]}"#).hasPrefix(", line 1: not JSON"))
    #expect(
      try complaint(#"{"policy_logp": [-10, -12], "reference_logp": [-11, -11],}"#).hasPrefix(", line 1: not JSON"))
  }

  @Test func twoByteOrderMarks() throws {
    #expect(
      try complaint("\u{FEFF}\u{FEFF}" + good).hasPrefix(
        ", line 1: not JSON: expected a value, found U+FEFF (column 1)"))
  }

  @Test func aColumnThatTheFirstLineLacks() throws {
    #expect(
      try complaint(good + #"{"policy_logp": [-10, -12], "reference_logp": [-11, -11], "token_count": [1, 1]}"#)
        == ", line 2: has token_count, which line 1 has not; all lines need the same columns")
  }

  @Test func anotherFormThanTheFirstLine() throws {
    #expect(
      try complaint(
        good + #"{"policy_chosen_logps": -10, "policy_rejected_logps": -12, "reference_logp": [-11, -11]}"#)
        == ", line 2: has policy_chosen_logps and policy_rejected_logps, line 1 policy_logp; write all rows in one form"
    )
  }
}
