import Testing

/// Errors of `losskit new`, after which nothing is written.
@Suite struct NewErrorsTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  private func refusal(_ arguments: String..., directory: String = "project") throws -> String {
    let outcome = try Tool.run(["new", "--directory", place.path(directory)] + arguments)
    #expect(outcome.status == 64 && outcome.output.isEmpty)
    return outcome.error
  }

  @Test(arguments: [
    ("My Loss", "; 'my-loss' would be one"), ("dpo_2", "; 'dpo-2' would be one"),
    ("betterDPO", "; 'better-dpo' would be one"), ("2-dpo", ""), ("", ""), ("-dpo", "; 'dpo' would be one"),
    ("a--b", "; 'a-b' would be one"),
  ])
  func aNameThatIsNotOneIsExplained(name: String, suggestion: String) throws {
    let error = try refusal("--language", "c", "--", name)
    let rule = "names are lower-case letters and digits in words joined by '-', such as cal-dpo"
    #expect(error.contains("'\(name)' is not a name: \(rule)\(suggestion)\n"))
    #expect(!place.exists("project"))
  }

  @Test func aTypeThatLossKitHasIsNotMadeAgain() throws {
    #expect(try refusal("pairwise", "--language", "swift").contains("choose another name, such as my-pairwise"))
    #expect(!place.exists("project"))
  }

  @Test func aLanguageThatIsNotThereIsRefused() throws {
    #expect(try refusal("my-loss", "--language", "fortran").contains("fortran"))
  }

  @Test func aFormulaThatIsNoneIsShownAtItsCharacter() throws {
    let error = try refusal("my-loss", "--language", "swift", "--from-formula", "{beta*(chosen.reward}(beta=1)")
    #expect(error.contains("^"))
    #expect(!place.exists("project"))
  }

  @Test(arguments: ["c", "rust", "swift"])
  func nothingIsOverwritten(language: String) throws {
    _ = try place.makeDirectory("project")
    try place.write("mine", as: "project/notes")
    #expect(try refusal("my-loss", "--language", language).contains("already exists and is not an empty directory"))
    #expect(try place.text("project/notes") == "mine")
    #expect(!place.exists("project/Makefile"))
    try place.write("mine", as: "file")
    #expect(
      try refusal("my-loss", "--language", language, directory: "file").contains(
        "already exists and is not an empty directory"))
    #expect(try place.text("file") == "mine")
  }

  @Test func anEmptyDirectoryIsFilled() throws {
    _ = try place.makeDirectory("project")
    let outcome = try Tool.run(["new", "my-loss", "--language", "c", "--directory", place.path("project")])
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(place.exists("project/my_loss.c"))
  }

  @Test func aDirectoryThatIsNotLossKitIsRefused() throws {
    let error = try refusal("my-loss", "--language", "swift", "--losskit", place.makeDirectory("other"))
    #expect(error.contains("neither a checkout of LossKit (Sources/Package.swift) nor the PREFIX of 'make install'"))
    #expect(try refusal("my-loss", "--language", "swift", "--losskit", place.path("none")).contains("cannot be read"))
    #expect(!place.exists("project"))
  }
}
