import Foundation
import Testing

@Suite struct RecipeTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  private let recipe = """
    loss: dpo
    beta: 0.2
    set:
      label_smoothing: 0.1
    learning_rate: 1e-3
    max_steps: 2
    policy: transformer
    policy_set: {hidden_size: 8, intermediate_size: 8}
    num_hidden_layers: 1
    num_attention_heads: 2
    num_key_value_heads: 1
    train_size: 16
    eval_size: 4

    """

  private func complaint(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
    let file = try place.write(text, as: "recipe.yaml")
    let run = try Tool.run(["train", "--recipe", file, "--output", place.path("run")])
    #expect(run.status == 64 && run.output == "", sourceLocation: sourceLocation)
    return run.error.replacing("losskit: error: ", with: "").replacing(file, with: "RECIPE")
  }

  @Test func aRecipeIsTheSameAsItsOptions() throws {
    let file = try place.write(recipe + "output_dir: \(place.path("a"))\n", as: "recipe.yaml")
    let fromRecipe = try Tool.run(["train", "--recipe", file])
    let fromOptions = try Tool.run(
      Tiny.train(
        "--beta", "0.2", "--label-smoothing", "0.1", "--learning-rate", "1e-3", "--output", place.path("b")))
    #expect(fromRecipe.status == 0 && fromOptions.status == 0)
    #expect(try record("a") == record("b"))
  }

  @Test func theCommandLineWinsAndSaysSo() throws {
    let file = try place.write(recipe, as: "recipe.yaml")
    let run = try Tool.run([
      "train", "--recipe", file, "--learning-rate", "2e-3", "--set", "beta=0.3", "--output", place.path("run"),
    ])
    #expect(run.status == 0)
    #expect(run.error.contains("losskit: beta=0.3 of the command line overrides beta=0.2 of \(file), line 2\n"))
    #expect(
      run.error.contains(
        "losskit: learning_rate=2e-3 of the command line overrides learning_rate=1e-3 of \(file), line 5\n"))
    let record = try #require(try record("run"))
    #expect(record["objective"] == "dpo(beta=0.3, label_smoothing=0.1) @ log-ratio")
    #expect(record["learning_rate"] == "0.002")
  }

  @Test func anUnknownKeyHasTheNearestNames() throws {
    #expect(
      try complaint("loss: dpo\nlerning_rate: 1\n")
        == "RECIPE, line 2: unknown recipe key 'lerning_rate'; did you mean 'learning_rate'?\n")
    #expect(
      try complaint("loss: dpo\nbta: 1\n").hasPrefix("RECIPE, line 2: unknown recipe key 'bta'; did you mean 'beta'"))
  }

  @Test func aValueThatWillNotDo() throws {
    #expect(
      try complaint("loss: dpo\nlearning_rate: fast\n").hasPrefix(
        "RECIPE, line 2: invalid value fast for learning_rate; expected a number greater than 0"))
    #expect(try complaint("loss: dpo\nbeta: .nan\n").contains("'.nan' is not a number"))
    #expect(try complaint("loss: dpo\nlearning_rate:\n").hasPrefix("RECIPE, line 2: learning_rate has no value"))
    #expect(try complaint("loss: dpo\nseed: [1, 2]\n").hasPrefix("RECIPE, line 2: seed takes one value, not a list"))
    #expect(try complaint("loss: dpo\nseed: {a: 2}\n").hasPrefix("RECIPE, line 2: seed takes one value, not a mapping"))
  }

  @Test func aFileThatIsNoRecipe() throws {
    #expect(try complaint("loss: [dpo\n").hasPrefix("RECIPE, line 2: not YAML: "))
    #expect(try complaint("- dpo\n").hasPrefix("RECIPE: a recipe is a mapping"))
    #expect(try complaint("loss: dpo\nloss: ipo\n").hasPrefix("RECIPE, line 1: duplicate key 'loss'; write each once"))
    #expect(try complaint("loss: dpo\nset:\n  beta: 1\n  beta: 2\n").hasPrefix("RECIPE, line 3: duplicate key 'beta'"))
    #expect(try complaint("").hasPrefix("no loss is given"))
    let run = try Tool.run(["train", "--recipe", "/nowhere.yaml"])
    #expect(run.status == 64 && run.error.hasPrefix("losskit: error: /nowhere.yaml: cannot be read"))
  }

  private func record(_ name: String) throws -> [String: String]? {
    try json(try place.text("\(name)/run.json")) as? [String: String]
  }
}
