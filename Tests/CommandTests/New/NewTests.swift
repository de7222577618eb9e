import Foundation
import LossKitTestSupport
import Testing

/// Projects of `losskit new` are built, tested and trained with, outside this repository; the guide's tests cover Swift.
@Suite struct NewTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  /// Writes a project, runs its `make test`, and trains a few steps with it.
  private func follow(_ language: String, _ kind: String, named name: String) throws {
    let project = place.path(name)
    let written = try Tool.run(["new", name, "--language", language, "--kind", kind, "--directory", project])
    try #require(written.status == 0, "\(written.error)")
    let made = try Tool.shell("env -u MAKEFLAGS -u MAKELEVEL make -C '\(project)' test")
    try #require(made.status == 0, "\(made.output)\(made.error)")
    #expect(made.output.contains("2 losses are as expected."))
    #expect(!made.error.contains("warning"), "\(made.error)")
    try train(kind == "loss" ? name : "dpo @ \(name)", plugins: project + "/plugin")
  }

  private func train(_ expression: String, plugins: String) throws {
    var arguments = Tiny.train("--plugin-path", plugins, "--output", place.path("run"))
    arguments.replace(["dpo"], with: [expression])
    let trained = try Tool.run(arguments)
    #expect(trained.status == 0, "\(trained.error)")
  }

  @Test(arguments: ["loss", "reward"])
  func aProjectInCServesAsItIs(kind: String) throws {
    try follow("c", kind, named: "my-\(kind)")
  }

  @Test(.enabled(if: Programs.has("cargo"), "cargo is not installed"), arguments: ["loss", "reward"])
  func aProjectInRustServesAsItIs(kind: String) throws {
    try follow("rust", kind, named: "my-\(kind)")
  }

  /// The files that `losskit new` copies are those in the sources.
  @Test(.enabled(if: Programs.has("rustc"), "rustc is not installed"), arguments: ["loss", "reward"])
  func theTemplatesInRustCompileWithoutAWarning(kind: String) throws {
    let templates = Repository.root.appendingPathComponent("Sources/LossKitCommand/New/Rust").path
    _ = try place.makeDirectory("plugin")
    let library = place.path("plugin/libmy-\(kind).so")
    let compiled = try Tool.shell(
      "rustc --edition 2021 --crate-type cdylib -D warnings -O -o '\(library)' '\(templates)/\(kind).rs'")
    try #require(compiled.status == 0, "\(compiled.error)")
    let checked = try Tool.run(["check", library])
    #expect(checked.status == 0, "\(checked.output)")
  }

  @Test func aRewardInSwiftServesAsItIs() throws {
    let project = place.path("my-reward")
    let arguments = ["new", "my-reward", "--language", "swift", "--kind", "reward", "--directory", project]
    #expect(try Tool.run(arguments).status == 0)
    _ = try place.makeDirectory("my-reward/plugin")
    try SwiftPlugin.compile(
      place.text("my-reward/Sources/MyReward/MyReward.swift"), to: place.path("my-reward/plugin/libmy-reward.so"))
    let tested = try Tool.shell("sh '\(project)/test.sh'")
    #expect(tested.status == 0, "\(tested.output)\(tested.error)")
    try train("dpo @ my-reward", plugins: project + "/plugin")
  }

  @Test(arguments: [
    ("loss", "{square(beta*(chosen.reward - rejected.reward) - tau)}(beta=0.1, tau=0.5)"),
    // Without beta, and with names whose Swift properties would be keywords or collide.
    (
      "loss",
      "{relu(in_value - in*(chosen.policy_logp/chosen.token_count - rejected.policy_logp/rejected.token_count))}(in=2, in_value=1)"
    ),
    ("reward", "{tau*(logsigmoid((response.policy_logp - response.reference_logp)/tau) + log(2))}(tau=2)"),
  ])
  func aFormulaIsWrittenOut(kind: String, formula: String) throws {
    let project = place.path("my-\(kind)")
    let written = try Tool.run([
      "new", "my-\(kind)", "--language", "swift", "--kind", kind, "--from-formula", formula, "--directory", project,
    ])
    #expect(written.status == 0, "\(written.error)")
    #expect(!place.exists("my-\(kind)/test.sh"))
    _ = try place.makeDirectory("my-\(kind)/plugin")
    let type = kind == "loss" ? "MyLoss" : "MyReward"
    try SwiftPlugin.compile(
      place.text("my-\(kind)/Sources/\(type)/\(type).swift"), to: place.path("my-\(kind)/plugin/libit.so"))
    let checked = try Tool.run(["check", project + "/plugin/libit.so"])
    #expect(checked.status == 0, "\(checked.output)")
    let rows = try place.write(
      "{\"policy_logp\": [-10, -12], \"reference_logp\": [-11, -11.5], \"token_count\": [4, 5]}\n", as: "rows.jsonl")
    let results = try [formula, "my-\(kind)"].map { name in
      try Tool.run([
        "evaluate", "--loss", kind == "loss" ? name : "dpo @ \(name)", "--plugin-path", project + "/plugin", "--input",
        rows, "--output", "-",
      ])
    }
    #expect(results[0].status == 0 && results[1].status == 0, "\(results.map(\.error))")
    #expect(results[0].output == results[1].output)
  }

  /// An incremental build leaves the objects of removed sources.
  @Test func objectsOfRemovedSourcesAreNotLinked() throws {
    let objects = try sdkObjects(in: Tool.directory()).filter { !$0.hasSuffix(".swiftmodule.o") }
    let sources = ["LossKit", "CLossKit", "CLossKitKernels"].flatMap { target -> [String] in
      let root = Repository.root.appendingPathComponent("Sources/\(target)")
      return FileManager.default.enumerator(atPath: root.path)?.compactMap { $0 as? String } ?? []
    }
    let compiled = sources.filter { $0.hasSuffix(".swift") || $0.hasSuffix(".c") }
    #expect(objects.count == compiled.count)
    for object in objects {
      let name = String((object as NSString).lastPathComponent.dropLast(2))
      #expect(compiled.contains { ($0 as NSString).lastPathComponent == name }, "\(object)")
    }
  }

  @Test func aFormulaIsWrittenOutInSwiftAlone() throws {
    let arguments = ["new", "my-loss", "--language", "c", "--directory", place.path("project"), "--from-formula"]
    let inC = try Tool.run(arguments + ["{chosen.reward}"])
    #expect(inC.status == 64 && inC.error.contains("--language swift"))
    #expect(!place.exists("project"))
  }

  @Test(arguments: ["swift", "c", "rust"])
  func aProjectHoldsNoPathOfThisMachine(language: String) throws {
    let arguments = ["new", "my-loss", "--language", language, "--directory", place.path("project")]
    #expect(try Tool.run(arguments).status == 0)
    let files = try #require(FileManager.default.enumerator(atPath: place.path("project"))).compactMap { $0 as? String }
    let texts = files.compactMap { try? place.text("project/\($0)") }
    #expect(texts.count >= 8)
    for text in texts {
      #expect(try !text.contains(Repository.root.path) && !text.contains(Tool.directory()))
    }
  }

  @Test func aCommandThatIsNotFoundIsNamedWithTheRemedy() throws {
    #expect(try Tool.run(["new", "my-loss", "--language", "c", "--directory", place.path("project")]).status == 0)
    let made = try Tool.shell(
      "env -u MAKEFLAGS -u MAKELEVEL make -C '\(place.path("project"))' test LOSSKIT=/nowhere/losskit")
    #expect(made.status != 0)
    let remedy = "/nowhere/losskit: command not found; add its directory to PATH, or run make LOSSKIT=/path/to/losskit"
    #expect(made.error.contains(remedy), "\(made.error)")
  }

  @Test func whereTheCommandIsNotInThePathTheNextStepNamesIt() throws {
    let arguments = ["new", "my-loss", "--language", "c", "--directory", "my project"]
    let here = try place.makeDirectory("here")
    let command =
      "cd '\(here)' && \"$LOSSKIT\" \(arguments.map { "'\($0)'" }.joined(separator: " "))"
    let outside = try Tool.shell(command)
    #expect(outside.output.contains("make -C 'my project' test LOSSKIT="), "\(outside.output)\(outside.error)")
    try FileManager.default.removeItem(atPath: place.path("here/my project"))
    let inside = try Tool.shell("PATH=$(dirname \"$LOSSKIT\"):$PATH && \(command)")
    #expect(inside.output.contains("make -C 'my project' test\n"), "\(inside.output)\(inside.error)")
  }

  @Test func theSourceAloneSaysWhichHyperparametersThereAre() throws {
    let project = place.path("project")
    #expect(try Tool.run(["new", "my-loss", "--language", "c", "--directory", project]).status == 0)
    let source = try place.text("project/my_loss.c").replacing("\"beta\"", with: "\"strength\"")
    try place.write(source, as: "project/my_loss.c")
    let made = try Tool.shell("env -u MAKEFLAGS -u MAKELEVEL make -C '\(project)' test")
    #expect(made.status == 0 && made.output.contains("2 losses are as expected."), "\(made.output)\(made.error)")
  }

  @Test func theSDKIsFoundByTheCommand() throws {
    let found = try Tool.run(["sdk"])
    #expect(found.status == 0 && found.output == Repository.root.path + "/Sources\n", "\(found.output)\(found.error)")
  }

  @Test(arguments: ["c", "rust"])
  func aLossThatIsNotTheExpectedOneFailsTheTest(language: String) throws {
    if language == "rust", !Programs.has("cargo") { return }
    let project = place.path("hinge")
    #expect(try Tool.run(["new", "hinge", "--language", language, "--directory", project]).status == 0)
    try place.write("0.5981388693815918\n0.7\n", as: "hinge/test/losses")
    let made = try Tool.shell("env -u MAKEFLAGS -u MAKELEVEL make -C '\(project)' test")
    #expect(made.status != 0)
    #expect(made.output.contains("test/rows.jsonl:2: the loss is 0.6931471805599453, not 0.7"))
  }

  /// The guide's claim: the number of lines, without comments, of a loss with one hyperparameter.
  @Test(arguments: [
    ("swift", "Sources/MyLoss/MyLoss.swift", 15), ("c", "my_loss.c", 8), ("rust", "src/lib.rs", 8),
  ])
  func aLossTakesFewLines(language: String, file: String, most: Int) throws {
    let arguments = ["new", "my-loss", "--language", language, "--directory", place.path("project")]
    #expect(try Tool.run(arguments).status == 0)
    let lines = try place.text("project/\(file)").split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    let code = lines.filter { !$0.isEmpty && !$0.hasPrefix("//") && !$0.hasPrefix("/*") }
    #expect(code.count <= most)
    #expect(lines.allSatisfy { $0.count <= 120 })
  }
}
