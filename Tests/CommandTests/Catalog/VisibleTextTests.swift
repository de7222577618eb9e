import Foundation
import Testing

/// Control characters of plugins, data and arguments do not reach the terminal.
@Suite struct VisibleTextTests {
  private let place: Workplace
  private let directory: String

  init() throws {
    place = try Workplace()
    directory = try place.makeDirectory("plugins")
    try place.compile("double plain(double c, double r) { return r - c; }", as: "plugins/libplain.so")
    try place.write(
      #"""
      {"name": "plain", "kind": "loss", "library": "libplain.so",
       "summary": "A \u001b[31mred,\u0007 \u009b2J\u202eturned\u2069\nplain\rfunction.",
       "documentation": "First \u001b]0;title\u0007 line.\nSecond line.",
       "function": "double plain(double chosen_reward, double rejected_reward)"}
      """#, as: "plugins/plain.losskit.json")
  }

  private func run(_ arguments: [String]) throws -> Tool.Outcome {
    try Tool.run(arguments + ["--plugin-path", directory])
  }

  /// Whether a text holds a character that a terminal obeys, beside line ends and tabs.
  private func isObeyed(_ text: String) -> Bool {
    text.unicodeScalars.contains { scalar in
      scalar != "\n" && scalar != "\t"
        && (scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
          || scalar == "\u{2028}" || scalar == "\u{2029}")
    }
  }

  @Test func tablesAndTextsShowThem() throws {
    let list = try run(["list"])
    let line = try #require(list.output.split(separator: "\n").first { $0.contains(" plain ") })
    #expect(line.hasSuffix(#"A \u{1B}[31mred,\u{7} \u{9B}2J\u{202E}turned\u{2069}\u{A}plain\u{D}function."#), "\(line)")
    let card = try run(["describe", "plain"])
    #expect(card.status == 0 && card.output.contains(#"\u{1B}]0;title\u{7}"#), "\(card.output)")
    #expect(!isObeyed(list.output + list.error + card.output + card.error))
  }

  @Test func programsGetThemAsTheyAre() throws {
    let output = try run(["list", "--json"]).output
    let entries = try #require(try json(output) as? [[String: Any]])
    let summary = entries.first { $0["name"] as? String == "plain" }?["summary"] as? String
    #expect(summary == "A \u{1B}[31mred,\u{7} \u{9B}2J\u{202E}turned\u{2069}\nplain\rfunction.")
    #expect(output.contains("\u{202E}"))
  }

  @Test(.enabled(if: Programs.has("script"), "script makes a terminal"))
  func aTerminalGetsNoneEvenInJSON() throws {
    let run = try Tool.shell("script -qec \"$LOSSKIT list --json --plugin-path '\(directory)'\" /dev/null")
    let text = run.output.replacing("\r\n", with: "\n")
    #expect(run.status == 0 && text.contains(#"\u{202E}turned"#))
    #expect(!isObeyed(text))
  }

  @Test func messagesShowThem() throws {
    let rows = try place.write(
      #"{"policy_logp": [-10, -12], "reference_logp": [-11, -11.5], "\u001b[2Jkey": 1}"#, as: "in.jsonl")
    let unread = try run(["evaluate", "--loss", "plain", "--input", rows])
    #expect(unread.error.contains(#"not read: \u{1B}[2Jkey"#), "\(unread.error)")
    for arguments in [
      ["evaluate", "--loss", "pl\u{1B}[1main", "--input", rows],
      ["evaluate", "--loss", "plain", "--input", "\u{9B}1m\u{7}"],
      ["describe", "$ -log_sigmoid(\u{1B}[1m)"], ["list", "--\u{1B}[1m"], ["\u{1B}[1m"], ["list", "\u{202E}"],
      ["check", "lib\u{1B}[1m.so"],
    ] {
      let outcome = try run(arguments)
      #expect(outcome.status != 0 && outcome.error.contains(#"\u{"#), "\(arguments): \(outcome.error)")
      #expect(!isObeyed(outcome.error + outcome.output), "\(arguments)")
    }
  }

  @Test func anUnknownDefaultRewardIsNamedWithItsManifest() throws {
    let manifest = try place.write(
      """
      {"name": "other", "kind": "loss", "library": "libplain.so", "default_reward": "log-ration",
       "function": "double plain(double chosen_reward, double rejected_reward)"}
      """, as: "plugins/other.losskit.json")
    let rows = try place.write(#"{"policy_logp": [-10, -12], "reference_logp": [-11, -11.5]}"#, as: "in.jsonl")
    let outcome = try run(["evaluate", "--loss", "other", "--input", rows])
    #expect(
      outcome.error.hasPrefix(
        "losskit: error: \(manifest): default reward of 'other': unknown reward 'log-ration'; did you mean 'log-ratio'"),
      "\(outcome.error)")
    #expect(
      outcome.status == 69
        && outcome.error.contains("\ncorrect it there, or name a reward in the objective, as in 'other @ log-ratio'"))
    #expect(try run(["evaluate", "--loss", "other @ log-ratio", "--input", rows]).status == 0)
  }
}
