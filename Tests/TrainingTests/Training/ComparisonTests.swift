import LossKit
import LossKitSystem
import Testing

@testable import LossKitRuntime
@testable import LossKitTraining

@Suite struct ComparisonTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  private func entry(_ label: String, _ objective: Objective, _ values: [String: String] = [:]) throws
    -> Comparison.Entry
  {
    let defaults = ["learning_rate": "0.05", "max_steps": "30", "lr_scheduler_type": "constant"]
    return Comparison.Entry(
      label: label, objective: objective, configuration: try settings(defaults.merging(values) { $1 }))
  }

  private func compare(_ entries: [Comparison.Entry], in name: String) throws -> ComparisonResult {
    let start = SupervisedStart(
      objective: try Toy.sft(), configuration: try settings(["learning_rate": "0.02", "max_steps": "10"]))
    let comparison = try Comparison(
      entries, start: start, trainingData: toyPairs(40), evaluationData: toyPairs(16, seed: 6), policy: "toy")
    return try comparison.run(from: toyPolicy(), in: RunDirectory(directory(name), for: .newRun))
  }

  @Test func runsBeginAtOneStartAndDifferInTheObjectiveAlone() throws {
    let entries = [try entry("pairs", Toy.dpo()), try entry("pairs", Toy.dpo()), try entry("centered", Toy.centered())]
    let result = try compare(entries, in: "output")
    #expect(
      try Files.names(in: directory("output")).filter { !$0.hasPrefix(".") } == [
        "1-pairs", "2-pairs", "centered", "report.html", "rewards.svg", "start",
      ])
    for run in result.runs {
      let first = try #require(run.records.first)
      #expect(first.step == 0)
      #expect(first["eval_implicit_rewards/chosen"] == 0)
      #expect(first["eval_logps/chosen"] == result.runs[0].records.first?["eval_logps/chosen"])
      #expect(run.course(of: "rewards/margins").count >= 15)
      #expect(try #require(run.final("rewards/accuracies")) > 0.5)
    }
    #expect(try metricsLines(directory("output/1-pairs")) == metricsLines(directory("output/2-pairs")))
    #expect(result.runs[0].final("rewards/margins") != result.runs[2].final("rewards/margins"))
    let page = String(decoding: try content(directory("output/report.html")), as: UTF8.self)
    #expect(page == result.report)
    let start = try metricsLines(directory("output/start"))
    #expect(try #require(start.last?["eval_loss"]) < #require(start.first?["loss"]))
  }

  @Test func thePolicyThatTheStartWasMadeFromIsLetGo() throws {
    weak var start: PolicyInstance?
    func policy() throws -> PolicyInstance {
      let policy = try toyPolicy()
      start = policy
      return policy
    }
    let comparison = try Comparison(
      [entry("pairs", Toy.dpo())], start: nil, trainingData: toyPairs(40), evaluationData: toyPairs(16, seed: 6),
      policy: "toy")
    var labels: [String] = []
    _ = try comparison.run(
      from: policy(), in: RunDirectory(directory("output"), for: .newRun),
      progress: { label in
        labels.append(label)
        #expect(start == nil, "\(label)")
        return nil
      })
    #expect(labels == ["reference", "pairs"])
  }

  @Test func runsThatWouldSeeOtherDataAreRefused() throws {
    let failure = #expect(throws: Failure.self) {
      try compare([entry("a", Toy.dpo()), entry("b", Toy.dpo(), ["seed": "7"])], in: "output")
    }
    #expect(failure?.message.contains("differ in seed") == true)
  }

  @Test func whatCannotWorkIsFoundBeforeTheStartIsTrained() throws {
    #expect(throws: Failure.self) { try compare([entry("a", Toy.dpo()), entry("b", Toy.needy())], in: "output") }
    #expect(!Files.exists(directory("output/start")))
  }

  @Test func aStartThatCannotWorkIsFoundBeforeThePolicyIsMade() throws {
    let start = SupervisedStart(objective: try Toy.sft(), configuration: try settings(["min_lr": "1e-5"]))
    let comparison = try Comparison(
      [entry("a", Toy.dpo())], start: start, trainingData: toyPairs(40), evaluationData: toyPairs(16, seed: 6),
      policy: "toy")
    let failure = #expect(throws: Failure.self) { try comparison.check(policy: toyPolicyType()) }
    #expect(failure?.message.contains("min_lr") == true)
  }
}
