import Foundation
import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime

/// Plugins of one C function and one macro line of losskit_authoring.h.
@Suite struct CFunctionTests {
  let workshop: PluginWorkshop

  init() throws { workshop = try PluginWorkshop() }

  /// An author's file; it includes only the header.
  private static let dpo = """
    #include "losskit_plugin.h"

    static double my_loss(double chosen, double rejected, double beta, double *d_chosen, double *d_rejected) {
      const double margin = beta * (chosen - rejected);
      *d_chosen = -beta * losskit_sigmoid(-margin);
      *d_rejected = -*d_chosen;
      return -losskit_log_sigmoid(margin);
    }
    LOSSKIT_PAIRWISE_LOSS(my_loss, "my-loss", "DPO.", LOSSKIT_SCALE("beta", 0.1, "KL strength"))
    """

  /// A source for each macro, with zero to eight hyperparameters.
  static let lines = [
    dpo,
    """
    #include "losskit_plugin.h"
    static double my_loss(double chosen, double rejected, double beta) {
      return -losskit_log_sigmoid(beta * (chosen - rejected));
    }
    LOSSKIT_PAIRWISE_LOSS_NUMERIC(my_loss, "my-loss", "DPO.", LOSSKIT_SCALE("beta", 0.1, "KL strength"))
    """,
    """
    #include "losskit_plugin.h"
    static double my_loss(double margin, double beta, double *slope) {
      *slope = -beta * losskit_sigmoid(-beta * margin);
      return -losskit_log_sigmoid(beta * margin);
    }
    LOSSKIT_MARGIN_LOSS(my_loss, "my-loss", "DPO.", LOSSKIT_SCALE("beta", 0.1, "KL strength"))
    """,
    """
    #include "losskit_plugin.h"
    static double my_loss(double margin) { return -losskit_log_sigmoid(0.1 * margin); }
    LOSSKIT_MARGIN_LOSS_NUMERIC(my_loss, "my-loss", "DPO.")
    """,
    """
    #include "losskit_plugin.h"
    static double link(double log_ratio, double a, double b, double c, double d, double e, double f, double g, double h,
                       double *slope) {
      *slope = a * (1 + b * exp(log_ratio));
      return a * (log_ratio + b * expm1(log_ratio)) + 0 * (c + d + e + f + g + h);
    }
    LOSSKIT_LOG_RATIO_REWARD(link, "my-link", "A link.",
      LOSSKIT_POSITIVE("a", 1, "A"), LOSSKIT_NON_NEGATIVE("b", 0, "B"), LOSSKIT_BETWEEN("c", 0.5, 0, 1, "C"),
      LOSSKIT_ANY("d", -1, "D"), ("e", "\\\\epsilon", "E", LOSSKIT_INTEGER, LOSSKIT_UPPER_OPEN, 1, 1, 8, NULL),
      LOSSKIT_ANY("f", 1, "F"), LOSSKIT_ANY("g", 1, "G"), LOSSKIT_ANY("h", 1, "H"))
    """,
    """
    #include "losskit_plugin.h"
    static double link(double log_ratio) { return log_ratio + expm1(log_ratio); }
    LOSSKIT_LOG_RATIO_REWARD_NUMERIC(link, "my-link", "A link.")
    """,
  ]

  @Test(
    arguments: lines,
    [
      ["gcc", "-std=c11"], ["clang", "-std=c11"], ["g++", "-x", "c++", "-std=c++17"],
      ["clang++", "-x", "c++", "-std=c++17"],
    ]
  )
  func everyLineCompilesWithoutAWarning(source: String, compiler: [String]) throws {
    let input = try workshop.write(Array(source.utf8), as: "my_loss.c")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      compiler + [
        "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2", "-shared", "-fPIC", "-I", PluginWorkshop.Headers.today.path,
      ]
      + ["-o", workshop.path("libmy-loss.so"), input, "-lm"]
    try process.run()
    process.waitUntilExit()
    // env returns 127 for a missing compiler, which is skipped.
    if process.terminationStatus == 127 { return }
    #expect(process.terminationStatus == 0)
    #expect(try PluginLibrary.open(workshop.path("libmy-loss.so")).components.count == 1)
  }

  @Test func aLossWithOneHyperparameterTakesEightLines() {
    let lines = Self.dpo.split(separator: "\n").filter { !$0.allSatisfy(\.isWhitespace) }
    #expect(lines.count <= 8)
  }

  private func registry(_ source: String, _ headers: PluginWorkshop.Headers = .today) throws -> PluginRegistry {
    let registry = try BuiltPlugins.registry()
    try registry.open(path: workshop.build(source, as: "libmy-loss.so", options: ["-lm"], headers: headers))
    return registry
  }

  private func batch(prompts: Int = 50, counts: [UInt32]? = nil) -> Batch {
    var numbers = SeededNumbers(seed: 5)
    return Batch(
      prompts: prompts, responses: 2, references: 1, counts: counts,
      columns: [
        "policy_logp": (0..<2 * prompts).map { _ in -30 + 25 * numbers.normals(1)[0] },
        "reference_logp": numbers.normals(2 * prompts, mean: -30),
      ])
  }

  private func evaluate(_ expression: String, _ registry: PluginRegistry, _ batch: Batch) throws -> Evaluation {
    let objective = try Objective(expression, in: registry)
    var state = objective.initialState
    return try objective.evaluate(batch, state: &state)
  }

  @Test(arguments: 0..<4, PluginWorkshop.Headers.allCases)
  func dpoWrittenWithEachLineAgreesWithTheBuiltOne(line: Int, headers: PluginWorkshop.Headers) throws {
    let registry = try registry(Self.lines[line], headers)
    let own = try evaluate("my-loss", registry, batch())
    let expected = try evaluate("dpo(beta=0.1)", registry, batch())
    #expect(worstError(own.loss, expected.loss) < 1e-14)
    let isNumeric = line % 2 == 1
    let gradient = try #require(own.gradients["policy_logp"])
    #expect(worstError(gradient, expected.gradients["policy_logp"] ?? []) < (isNumeric ? 1e-9 : 1e-14))
    let loss = try registry.component(named: "my-loss", kind: .loss)
    #expect(loss.hasNumericGradient == isNumeric)
    #expect(loss.isRowwise && loss.isShiftInvariant == (line >= 2))
    #expect(loss.parameters.map(\.name) == (line == 3 ? [] : ["beta"]))
    #expect(loss.rewardScale?.bounds == (line == 3 ? nil : .positive))
    #expect(loss.responses == 2...2 && loss.references == 0...0 && loss.defaultReward == "log-ratio")
  }

  @Test func aHyperparameterReachesTheFunction() throws {
    let registry = try registry(Self.dpo)
    let own = try evaluate("my-loss(beta=0.7)", registry, batch())
    #expect(worstError(own.loss, try evaluate("dpo(beta=0.7)", registry, batch()).loss) < 1e-14)
  }

  @Test(arguments: [(4, "my-link(b=1)", 1e-13), (5, "my-link", 1e-8)], PluginWorkshop.Headers.allCases)
  func aRewardWrittenWithEachLineAgreesWithTheBuiltOne(
    _ use: (line: Int, text: String, tolerance: Double), headers: PluginWorkshop.Headers
  ) throws {
    let (line, text, tolerance) = use
    let registry = try registry(Self.lines[line], headers)
    var batch = batch()
    batch.columns["policy_logp"] = batch.columns["policy_logp"]?.map { -30 + 0.1 * ($0 + 30) }
    let own = try evaluate("dpo @ \(text)", registry, batch)
    let expected = try evaluate("dpo @ chi-squared", registry, batch)
    #expect(worstError(own.reward, expected.reward) < 1e-13)
    #expect(
      worstError(own.gradients["policy_logp"] ?? [], expected.gradients["policy_logp"] ?? []) < tolerance)
    let reward = try registry.component(named: "my-link", kind: .reward)
    #expect(
      reward.isZeroAtReference && reward.isRowwise && reward.references == 1...1 && reward.responses == 1...Int.max)
  }

  @Test(arguments: PluginWorkshop.Headers.allCases)
  func eightHyperparametersAreDeclaredAsWritten(headers: PluginWorkshop.Headers) throws {
    let link = try registry(Self.lines[4], headers).component(named: "my-link", kind: .reward)
    #expect(link.parameters.map(\.name) == ["a", "b", "c", "d", "e", "f", "g", "h"])
    #expect(link.parameters.map(\.initial) == [1, 0, 0.5, -1, 1, 1, 1, 1])
    #expect(
      link.parameters.prefix(5).map(\.bounds) == [.positive, .nonNegative, .closed(0, 1), .any, .halfOpen(1, 8)])
    #expect(link.parameters[4].kind == .integer && link.parameters[4].symbol == "\\epsilon")
    #expect(link.rewardScale == nil)
  }

  @Test func aRewardOfFewerResponsesIsZeroBeyondThem() throws {
    let registry = try registry(Self.lines[5])
    var batch = batch(prompts: 3, counts: [2, 2, 2])
    batch.responses = 3
    for name in ["policy_logp", "reference_logp"] { batch.columns[name]? += [-1, .nan, -3] }
    batch.counts = [3, 2, 3]
    let evaluation = try evaluate("plackett-luce @ my-link", registry, batch)
    #expect(evaluation.reward[7] == 0 && evaluation.gradients["policy_logp"]?[7] == 0)
    #expect(evaluation.reward[8] != 0 || batch.columns["policy_logp"]?[8] == batch.columns["reference_logp"]?[8])
  }

  @Test(arguments: [
    ("return log(chosen - rejected);", "my-loss: its value is not a number"),
    ("return sqrt(chosen - rejected + 8);", "my-loss: its derivative is not a number"),
  ])
  func whatIsNotANumberIsAnErrorThatNamesThePrompt(body: String, message: String) throws {
    let source = """
      #include "losskit_plugin.h"
      static double my_loss(double chosen, double rejected) { \(body) }
      LOSSKIT_PAIRWISE_LOSS_NUMERIC(my_loss, "my-loss", "A loss.")
      """
    let registry = try registry(source)
    let batch = Batch(
      prompts: 2, responses: 2, references: 1,
      columns: ["policy_logp": [-10, -18, -12, -10], "reference_logp": [-10, -10, -10, -10]])
    #expect {
      try evaluate("my-loss", registry, batch)
    } throws: {
      ($0 as? Failure) == Failure(message, prompt: 1)
    }
  }

  @Test func aRewardThatIsNotZeroAtTheReferenceIsNotOpened() throws {
    let source = """
      #include "losskit_plugin.h"
      static double link(double log_ratio) { return exp(log_ratio); }
      LOSSKIT_LOG_RATIO_REWARD_NUMERIC(link, "my-link", "A link.")
      """
    #expect {
      try registry(source)
    } throws: {
      "\($0)".contains("the reward of log-ratio 0 is not 0; subtract it")
    }
  }
}
