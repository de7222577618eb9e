import LossKit
import LossKitRuntime
import Testing

@Suite struct PolicyInstanceTests {
  let workshop: PluginWorkshop
  let type: LoadedPolicyType

  init() throws {
    workshop = try PluginWorkshop()
    let registry = PluginRegistry()
    try registry.open(path: workshop.build(PolicySource.text(), as: "libslope.so", headers: .release1))
    type = try registry.policyType(named: "slope")
  }

  /// Two prompts, two responses each: 2, 1 bytes and 3, 4 bytes.
  func pairs() throws -> Texts {
    try Texts(prompts: ["one", "a longer one"], responses: [["aa", "b"], ["ccc", "dddd"]])
  }

  func failure(_ body: () throws -> some Any) -> Failure? {
    do {
      return Failure("no failure but \(try body())")
    } catch {
      return error as? Failure
    }
  }

  @Test func whatIsDeclaredIsRead() {
    #expect(type.isTrainable && type.canCreate && type.summary == "A line.")
    #expect(type.parameters.map(\.name) == ["weight"])
    #expect(type.columns.map(\.name) == ["policy_logp", "policy_token_logp", "policy_kl", "prompt_length"])
    #expect(type.columns.map(\.isDifferentiable) == [true, true, false, false])
  }

  @Test func tokensAreCounted() throws {
    let (counts, truncated) = try type.create(seed: 1).measure(pairs())
    #expect(counts == [3, 4, 2, 5])
    #expect(truncated == [0, 1, 0, 1])
  }

  @Test func columnsAreRankMajor() throws {
    let policy = try type.create(options: ["weight": 2], seed: 1)
    let columns = try policy.forward(
      pairs(), tokenOffsets: [0, 3, 7, 9, 14], columns: ["prompt_length", "policy_token_logp", "policy_logp"])
    #expect(columns["policy_logp"] == [-6, -8, -4, -10])
    #expect(columns["policy_token_logp"] == Array(repeating: -2, count: 14))
    #expect(columns["prompt_length"] == [3, 12])
    #expect(columns.count == 3)
  }

  @Test func responsesOfDifferentNumber() throws {
    let texts = try Texts(prompts: ["x", "y"], responses: [["a"], ["bb", "c"]])
    let policy = try type.create(options: ["weight": 1], seed: 1)
    #expect(texts.counts == [1, 2])
    #expect(try policy.measure(texts).tokenCounts == [2, 3, 0, 2])
    #expect(try policy.forward(texts, columns: ["policy_logp"])["policy_logp"] == [-2, -3, 0, -2])
  }

  @Test func columnsPerReference() throws {
    let policy = try type.create(options: ["weight": 1], seed: 1)
    let references = [
      try type.create(options: ["weight": 2], seed: 1), try type.create(options: ["weight": 4], seed: 1),
    ]
    let columns = try policy.forward(pairs(), columns: ["policy_kl"], references: references)
    #expect(columns["policy_kl"] == [1, 1, 1, 1, 3, 3, 3, 3])
  }

  @Test func anEmptyBatch() throws {
    let texts = try Texts(prompts: [String](), responses: [[String]]())
    let policy = try type.create(seed: 1)
    #expect(try policy.measure(texts).tokenCounts == [])
    #expect(try policy.forward(texts, columns: ["policy_logp"]) == ["policy_logp": []])
  }

  @Test func trainingMovesTheWeight() throws {
    let policy = try type.create(options: ["weight": 1], seed: 1)
    let reference = try policy.copy()
    let offsets = [0, 3, 7, 9, 14]
    _ = try policy.forward(
      pairs(), tokenOffsets: offsets, columns: ["policy_logp", "policy_token_logp"], keepingActivations: true)
    // Per response and per token add up: 3 + 14 tokens, each with slope -1.
    try policy.backward(
      pairs(), tokenOffsets: offsets,
      gradients: ["policy_logp": [1, 0, 0, 0], "policy_token_logp": Array(repeating: 1, count: 14)])
    #expect(try policy.step(PolicyUpdate(learningRate: 0.01)) == 17)
    #expect(try policy.forward(pairs(), columns: ["policy_logp"])["policy_logp"]?.first == -3 * (1 + 0.01 * 17))
    #expect(try reference.forward(pairs(), columns: ["policy_logp"])["policy_logp"]?.first == -3)
    try policy.blend(with: reference, weight: 1)
    #expect(try policy.forward(pairs(), columns: ["policy_logp"])["policy_logp"]?.first == -3)
  }

  @Test func savingAndLoading() throws {
    let directory = try workshop.makeDirectory("checkpoint")
    try type.create(options: ["weight": 0.3], seed: 1).save(to: directory, withOptimizer: true)
    let loaded = try type.load(path: directory)
    #expect(try loaded.forward(pairs(), columns: ["policy_logp"])["policy_logp"]?.last == -1.5)
    #expect(
      failure { try type.load(path: directory, options: ["weight": 0.4]) }?.message
        == "policy slope: weight contradicts what is stored")
    #expect(failure { try type.load(path: "/nowhere") }?.message == "policy slope: nothing stored there")
    #expect(failure { try type.load(path: "") }?.message.contains("the path to load is empty") == true)
  }

  @Test func errorsOfThePluginNamePolicyAndPrompt() throws {
    #expect(failure { try type.create(seed: 13) } == Failure("policy slope: an unlucky seed"))
    #expect(failure { try type.create(seed: 14) }?.message.contains("reported success but made no instance") == true)
    let policy = try type.create(seed: 1)
    let empty = try Texts(prompts: ["x", "y"], responses: [["a", "b"], ["c", ""]])
    #expect(failure { try policy.measure(empty) } == Failure("policy slope: an empty response", prompt: 1))
    let nonsense = try Texts(prompts: ["x", "?"], responses: [["a"], ["b"]])
    #expect(
      failure { try policy.forward(nonsense, columns: ["policy_logp"]) }
        == Failure("policy slope: it makes no sense", prompt: 1))
    #expect(
      failure { try policy.backward(pairs(), gradients: ["policy_logp": [0, 0, 0, 0]]) }?.message
        == "policy slope: backward without a kept forward")
  }

  @Test func aValueThatIsNotFiniteNamesThePrompt() throws {
    let policy = try type.create(seed: 1)
    let texts = try Texts(prompts: ["x", "!"], responses: [["a", "b"], ["c", "d"]])
    #expect(
      failure { try policy.forward(texts, columns: ["policy_logp"]) }
        == Failure("policy slope: policy_logp of prompt 2 is NaN", prompt: 1))
    #expect(
      failure { try policy.forward(texts, tokenOffsets: [0, 2, 4, 6, 8], columns: ["policy_token_logp"]) }
        == Failure("policy slope: policy_token_logp of prompt 2 is NaN", prompt: 1))
  }

  @Test func aGradientThatIsNotFiniteLeavesTheWeights() throws {
    let policy = try type.create(options: ["weight": 1], seed: 1)
    _ = try policy.forward(pairs(), columns: ["policy_logp"], keepingActivations: true)
    try policy.backward(pairs(), gradients: ["policy_logp": [.infinity, 0, 0, 0]])
    #expect(
      failure { try policy.step(PolicyUpdate(learningRate: 1)) }?.message == "policy slope: the gradient is not finite")
    #expect(try policy.step(PolicyUpdate(learningRate: 1)) == 0)
    #expect(try policy.forward(pairs(), columns: ["policy_logp"])["policy_logp"]?.first == -3)
  }

  @Test func optionsAreChecked() {
    #expect(
      failure { try type.create(options: ["wieght": 1], seed: 1) }?.message
        == "policy slope: unknown option 'wieght'; did you mean 'weight'?")
    #expect(
      failure { try type.create(options: ["weight": 0], seed: 1) }?.message
        == "policy slope: invalid value 0 for weight; expected a number greater than 0")
    #expect(
      failure { try type.load(path: "/x", options: ["weight": .nan]) }?.message
        == "policy slope: invalid value NaN for weight; expected a number greater than 0")
  }

  @Test func callsAreChecked() throws {
    let policy = try type.create(seed: 1)
    #expect(
      failure { try policy.forward(pairs(), columns: ["policy_log"]) }?.message
        == "policy slope: unknown column 'policy_log'; did you mean 'policy_logp'?")
    #expect(
      failure { try policy.forward(pairs(), columns: ["policy_logp", "policy_logp"]) }?.message
        == "policy slope: a column is requested twice")
    #expect(
      failure { try policy.forward(pairs(), columns: ["policy_token_logp"]) }?.message
        == "policy slope: a column per token needs the token offsets")
    for offsets in [[], [0, 1, 2, 3], [0, 3, 2, 9, 14], [1, 2, 3, 4, 5]] {
      #expect(
        failure { try policy.forward(pairs(), tokenOffsets: offsets, columns: ["policy_token_logp"]) }?.message
          == "policy slope: invalid token offsets; expected 5 numbers that ascend from 0")
    }
    #expect(
      failure { try policy.backward(pairs(), gradients: ["policy_logp": [1]]) }?.message
        == "policy slope: the gradient of policy_logp has 1 values, the column has 4")
    #expect(
      failure { try policy.backward(pairs(), gradients: ["prompt_length": [1, 1]]) }?.message
        == "policy slope: prompt_length takes no gradient")
    #expect(
      failure { try policy.blend(with: policy.copy(), weight: .nan) }?.message.contains("expected a finite number")
        == true)
  }

  @Test func whatAPolicyCannotDoIsSaid() throws {
    let source = try PolicySource.text(flags: "0", step: "0", create: "0")
    let fixed = try #require(PluginLibrary.open(workshop.build(source, as: "libfixed.so")).policyTypes.first)
    #expect(!fixed.isTrainable && !fixed.canCreate)
    #expect(failure { try fixed.create(seed: 1) }?.message.contains("it cannot be created") == true)
    let directory = try workshop.makeDirectory("fixed")
    try type.create(seed: 1).save(to: directory, withOptimizer: false)
    let instance = try fixed.load(path: directory)
    #expect(
      failure { try instance.step(PolicyUpdate(learningRate: 1)) }?.message == "policy slope: it cannot be trained")
    #expect(
      failure { try instance.forward(pairs(), columns: ["policy_kl"], references: [type.create(seed: 1)]) }?.message
        .contains("expected one of the same type") == true)
    let incomplete = try workshop.build(PolicySource.text(step: "0"), as: "libincomplete.so")
    #expect(message { try PluginLibrary.open(incomplete) }.contains("it is trainable, but one of its functions"))
  }

  @Test func textsAreChecked() {
    #expect(
      failure { try Texts(prompts: ["a"], responses: [["b"], ["c"]]) }?.message
        == "texts: 1 prompts, but responses for 2")
    #expect(
      failure { try Texts(prompts: ["a", "b"], responses: [["b"], []]) } == Failure("texts: no response", prompt: 1))
  }
}
