import Foundation
import Testing

/// `losskit check` on correct plugins, and its messages.
@Suite struct CheckTests {
  @Test func allBuiltPluginsMeetAllRequirements() throws {
    let run = try CheckedRun(["check", Tool.directory(), "--json"])
    let failures = run.results.filter { $0.outcome == "FAIL" }
    #expect(failures.isEmpty, "\(failures.map(\.description).joined(separator: "\n"))")
    // Supervised losses read only the best response, and β-DPO excludes pairs of the batch by a threshold.
    let warnings = Set(run.results.filter { $0.outcome == "warning" }.map { "\($0.name) \($0.test)" })
    #expect(warnings == ["sft influence", "minor-sft influence", "beta-dpo continuity"], "\(warnings)")
    #expect(run.status == 0)
    let listed = try Tool.run(["list"]).output.split(separator: "\n").count
    #expect(Set(run.results.filter { $0.kind != "library" }.map { "\($0.kind) \($0.name)" }).count == listed)
  }

  @Test func aTestIsALineAndTheLastOneIsTheSum() throws {
    let library = try Tool.directory() + "/libDPO.so"
    let run = try Tool.run(["check", library, "dpo", "--test", "gradient", "--test", "symbols", "--seed", "7"])
    #expect(run.status == 0, "\(run.error)")
    let lines = run.output.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[0].hasPrefix("ok  library libDPO.so  symbols"))
    #expect(lines[1].hasPrefix("ok  loss dpo") && lines[1].contains("worst error"))
    #expect(lines[2] == "2 passed, 0 failed, 0 not tested, in 1 library, seed 7")
  }

  /// Without optimization, a compiler leaves inline functions of the standard library in the plugin as visible symbols.
  @Test(arguments: ["g++", "clang++"].filter(Programs.has), ["-O0", "-O2"])
  func aPluginInCPlusPlusMeetsAllRequirements(compiler: String, level: String) throws {
    let place = try Workplace()
    let source = try place.write(
      """
      #include <losskit_plugin.h>
      #include <algorithm>
      #include <cmath>
      #include <vector>

      static double my_loss(double chosen, double rejected, double beta, double *d_chosen, double *d_rejected) {
        std::vector<double> rewards{ chosen, rejected };
        std::sort(rewards.begin(), rewards.end());
        if (std::isnan(rewards[0])) return rewards[0];
        const double margin = beta * (chosen - rejected);
        *d_chosen = -beta * losskit_sigmoid(-margin);
        *d_rejected = -*d_chosen;
        return -losskit_log_sigmoid(margin);
      }
      LOSSKIT_PAIRWISE_LOSS(my_loss, "my-loss", "Logistic loss.", LOSSKIT_SCALE("beta", 0.1, "KL strength"))

      """, as: "my_loss.cpp")
    let library = place.path("libmy-loss.so")
    let compiled = try Tool.shell(
      "\(compiler) -std=c++17 \(level) -Wall -Wextra -Werror -shared -fPIC -I '\(Workplace.headers)' -o '\(library)' '\(source)'"
    )
    try #require(compiled.status == 0, "\(compiled.error)")
    let run = try CheckedRun(["check", library, "--json"])
    #expect(run.status == 0, "\(run.results.filter { $0.outcome == "FAIL" })")
  }

  @Test func aFailureIsFollowedByTheCommandThatRepeatsIt() throws {
    let corpus = try Corpus()
    try corpus.build(["wrong_sign"])
    let run = try Tool.run(["check", corpus.library("wrong_sign"), "--seed", "7"])
    #expect(run.status == 1)
    let lines = run.output.split(separator: "\n").map(String.init)
    let place = try #require(lines.firstIndex { $0.hasPrefix("FAIL") })
    #expect(lines[place].contains("gradient") && lines[place].contains("the worst: d/d reward["))
    let command = lines[place + 1].trimmingCharacters(in: .whitespaces)
    #expect(command == "losskit check \(corpus.library("wrong_sign")) subject --test gradient --seed 7")
    let again = try Tool.run(command.split(separator: " ").dropFirst().map(String.init))
    #expect(again.status == 1)
    #expect(again.output.split(separator: "\n").first.map { $0.contains("the worst") } ?? false)
  }

  @Test func whatAPluginPrintedBeforeItCrashedAtOpeningIsTold() throws {
    let corpus = try Corpus()
    try corpus.build(["says_why_it_aborts"])
    let run = try CheckedRun(["check", corpus.library("says_why_it_aborts"), "--json"])
    let finding = run.results.first { $0.test == "opens" }
    #expect(finding?.outcome == "FAIL" && finding?.detail.contains("no license was found") == true, "\(run.results)")
  }

  @Test func librariesOfADirectoryThatOfferOneNameAreFound() throws {
    let corpus = try Corpus()
    try corpus.build(["sound_loss", "sound_reward"])
    let alone = try CheckedRun(["check", corpus.path, "--test", "names", "--json"])
    #expect(alone.status == 0 && alone.results.count == 2, "a loss and a reward may have one name: \(alone.results)")
    try FileManager.default.copyItem(atPath: corpus.library("sound_loss"), toPath: corpus.library("another"))
    let run = try Tool.run(["check", corpus.path, "--test", "names"])
    #expect(run.status == 1 && run.output.contains("loss subject is also offered by libsound_loss.so"), "\(run.output)")
    #expect(run.output.contains("\n      losskit check \(corpus.path) --test names --seed 1\n"), "\(run.output)")
    #expect(run.output.contains("1 passed, 2 failed, 0 not tested, in 3 libraries"), "\(run.output)")
  }

  @Test func aWarningIsNoFailure() throws {
    let corpus = try Corpus()
    try corpus.build(["ignores_rejected"])
    let run = try Tool.run(["check", corpus.library("ignores_rejected")])
    #expect(run.status == 0 && run.output.contains("0 failed, 1 warning, "), "\(run.output)")
    #expect(run.output.contains("the rejected response: changes neither values nor gradients"), "\(run.output)")
  }

  @Test func wrongUseIsToldWithTheNearestNames() throws {
    let library = try Tool.directory() + "/libDPO.so"
    let test = try Tool.run(["check", library, "--test", "gradiant"])
    #expect(test.status == 64 && test.error.contains("gradient"), "\(test.error)")
    let name = try Tool.run(["check", library, "ipo"])
    #expect(name.status == 69 && name.error.contains("offers nothing named 'ipo'"), "\(name.error)")
    let file = try Tool.run(["check", library + "x"])
    #expect(file.status == 69 && file.error.contains("No such file"), "\(file.error)")
    let limit = try Tool.run(["check", library, "--time-limit", "0"])
    #expect(limit.status == 64 && limit.error.contains("from 1"), "\(limit.error)")
  }
}

/// A run of `losskit check --json`.
struct CheckedRun {
  /// One test of the report.
  struct Result: CustomStringConvertible {
    let library, kind, name, test, outcome, detail: String
    let reproduce: String?

    var description: String { "\(kind) \(name): \(test): \(outcome): \(detail)" }
  }

  let status: Int32
  let results: [Result]

  init(_ arguments: [String]) throws {
    let run = try Tool.run(arguments)
    status = run.status
    let object = try #require(try json(run.output) as? [String: Any], "\(run.error)")
    let entries = try #require(object["results"] as? [[String: Any]])
    results = try entries.map { entry in
      func text(_ key: String) throws -> String { try #require(entry[key] as? String) }
      return Result(
        library: try text("library"), kind: try text("kind"), name: try text("name"), test: try text("test"),
        outcome: try text("outcome"), detail: try text("detail"), reproduce: entry["reproduce"] as? String)
    }
    let passed = try #require(object["passed"] as? Bool)
    #expect(passed == (status == 0))
  }
}
