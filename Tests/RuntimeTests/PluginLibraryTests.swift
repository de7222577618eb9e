import Foundation
import LossKit
import Testing

@testable import LossKitRuntime

@Suite struct PluginLibraryTests {
  let workshop: PluginWorkshop

  init() throws { workshop = try PluginWorkshop() }

  /// Opens the modified toy, and returns the message without the path.
  func refusal(_ spoil: (inout LossSource) -> Void) throws -> String {
    var source = LossSource()
    spoil(&source)
    let library = try workshop.build(source.text, as: "libspoiled-\(UUID().uuidString).so")
    let text = message { try PluginLibrary.open(library) }
    #expect(text.hasPrefix(library + ": "), "\(text)")
    return String(text.dropFirst(library.count + 2))
  }

  @Test func whatIsDeclaredIsRead() throws {
    var source = LossSource()
    source.parameters.append(
      #"{ "per", 0, "unit", LOSSKIT_CHOICE, 0, 1, 0, 1, (const char *const[]){ "sequence", "token" } }"#)
    source.inputs.append(
      #"{ "reference_logp", "log-probability", LOSSKIT_PER_RESPONSE, LOSSKIT_OPTIONAL | LOSSKIT_PER_REFERENCE }"#)
    let library = try PluginLibrary.open(workshop.build(source.text, as: "libtoy.so"))
    let toy = try #require(library.components.first)
    #expect(toy.kind == .loss && toy.name == "toy" && toy.version == "1.2.3" && toy.summary == "A toy.")
    #expect(toy.citation == "Nobody, 2024" && toy.documentation == "" && toy.defaultReward == "log-ratio")
    #expect(toy.parameters.map(\.name) == ["beta", "per"] && toy.parameters.map(\.symbol) == ["\\beta", "per"])
    #expect(toy.parameters[0].bounds == .positive && toy.parameters[0].initial == 0.1)
    #expect(toy.rewardScale?.name == "beta")
    #expect(toy.parameters[1].choices == ["sequence", "token"] && toy.parameters[1].format(1) == "token")
    #expect(
      toy.inputs == [
        .reward, Column("reference_logp", optional: true, perReference: true),
      ])
    #expect(toy.inputSummaries == ["the implicit reward", "log-probability"])
    #expect(toy.stateNames == ["mean"] && toy.initialState == [0.25])
    #expect(toy.isRowwise && toy.isShiftInvariant && !toy.isZeroAtReference && !toy.hasNumericGradient)
    #expect(toy.responses == 2...2 && toy.references == 0...1)
    #expect(toy.library == library.path && toy.extensionPointer("losskit.formula/1") == nil)
  }

  @Test func openingTwiceGivesTheSameLibrary() throws {
    let path = try workshop.build(LossSource().text, as: "libtoy.so")
    let first = try PluginLibrary.open(path)
    #expect(try PluginLibrary.open(path) === first)
  }

  @Test func aFileThatWasReplacedIsNotMistakenForTheOldOne() throws {
    let path = try workshop.build(LossSource().text, as: "libtoy.so")
    let first = try PluginLibrary.open(path)
    try FileManager.default.moveItem(atPath: path, toPath: workshop.path("libold.so"))
    var source = LossSource()
    source.version = #""2""#
    try workshop.build(source.text, as: "libtoy.so")
    #expect(
      message { try PluginLibrary.open(path) }.contains("another file than the one opened under this name before"))
    #expect(try PluginLibrary.open(workshop.path("libold.so")) === first)
  }

  @Test func anEntryThatReportsAnError() throws {
    let library = try workshop.build(
      """
      #include <stdio.h>
      const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *host, losskit_error *error) {
        snprintf(error->message, sizeof error->message, "%s is too\\nold", host->name); return 0;
      }
      """, as: "librefusing.so")
    let expected = "\(library): the library refused to serve: losskit is too old"
    #expect(message { try PluginLibrary.open(library) } == expected)
    // The entry is called once; its result is kept.
    #expect(message { try PluginLibrary.open(library) } == expected)
  }

  @Test func anEntryThatReturnsNullWithoutAWord() throws {
    let library = try workshop.build(
      """
      const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *host, losskit_error *error) {
        (void)host; (void)error; return 0;
      }
      """, as: "libsilent.so")
    #expect(message { try PluginLibrary.open(library) } == "\(library): the library refused to serve: gave no reason")
  }

  @Test func aMessageThatNeverEnds() throws {
    let library = try workshop.build(
      """
      #include <string.h>
      const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *host, losskit_error *error) {
        (void)host; memset(error->message, 'x', sizeof error->message); return 0;
      }
      """, as: "libendless.so")
    #expect(message { try PluginLibrary.open(library) }.hasSuffix(String(repeating: "x", count: 504)))
  }

  @Test func namesAreChecked() throws {
    #expect(try refusal { $0.name = "0" }.hasPrefix("its name is null"))
    #expect(try refusal { $0.name = #""Cal_DPO""# }.hasPrefix("'Cal_DPO' is not a name; names are lower-case"))
    #expect(try refusal { $0.name = #""-a""# }.hasPrefix("'-a' is not a name"))
    #expect(try refusal { $0.name = #""""# }.hasPrefix("'' is not a name"))
    #expect(try refusal { $0.name = #""\xff""# } == "its name is not UTF-8")
    #expect(try refusal { $0.version = "0" }.hasPrefix("loss 'toy': its version is null"))
    #expect(try refusal { $0.summary = "0" }.hasPrefix("loss 'toy': its summary is null"))
    #expect(try refusal { $0.summary = #""\xc3""# } == "loss 'toy': its summary is not UTF-8")
  }

  @Test func shapeAndFlagsAreChecked() throws {
    #expect(try refusal { $0.kind = "3" } == "toy: its kind is 3; 1 (loss) and 2 (reward) are known")
    #expect(try refusal { $0.flags = "64" }.contains("its flags hold 0x40"))
    #expect(try refusal { $0.compute = "0" } == "loss 'toy': its function compute is null")
    #expect(try refusal { $0.responses = "0, 2" } == "loss 'toy': it claims to take 0 to 2 responses")
    #expect(try refusal { $0.responses = "3, 2" } == "loss 'toy': it claims to take 3 to 2 responses")
    #expect(try refusal { $0.defaultReward = "0" }.contains("reads the reward, but names no default"))
    #expect(try refusal { $0.defaultReward = #""Log""# }.contains("its default reward 'Log' is not a name"))
    #expect(
      try refusal {
        $0.kind = "LOSSKIT_REWARD"
        $0.defaultReward = "0"
      }.contains("a reward cannot be made from a reward"))
  }

  @Test func countsAreChecked() throws {
    #expect(try refusal { $0.counts.parameters = "(size_t)-1" }.contains("it claims 18446744073709551615 parameters"))
    #expect(
      try refusal {
        $0.counts.parameters = "2"
        $0.parameters = []
      }.contains("it claims 2 parameters, but their array is null"))
    #expect(try refusal { $0.counts.components = "1000000" }.contains("it claims 1000000 components"))
    #expect(try refusal { $0.components = "0" } == "entry 0 of its components is null")
    #expect(try refusal { $0.counts.components = "0" }.contains("it offers nothing"))
  }

  @Test(arguments: [
    (#"0, 0, "s", 0, 0, 0.1, 0, 1, 0"#, "its parameter's name is null"),
    (#""Beta", 0, "s", 0, 0, 0.1, 0, 1, 0"#, "'Beta' is not a name of a parameter"),
    (#""x", 0, 0, 0, 0, 0.1, 0, 1, 0"#, "parameter 'x': its summary is null"),
    (#""x", 0, "s", 4, 0, 0.1, 0, 1, 0"#, "parameter 'x': its type is 4"),
    (#""x", 0, "s", 0, 8, 0.1, 0, 1, 0"#, "parameter 'x': its flags hold 0x8"),
    (
      #""x", 0, "s", 0, 0, 2, 0, 1, 0"#,
      "its default is out of bounds: invalid value 2 for x; expected a number from 0 to 1"
    ),
    (#""x", 0, "s", 0, LOSSKIT_LOWER_OPEN, 0, 0, 1, 0"#, "its default is out of bounds"),
    (#""x", 0, "s", 0, 0, NAN, 0, 1, 0"#, "its default is out of bounds"),
    (#""x", 0, "s", 0, 0, INFINITY, 0, INFINITY, 0"#, "its default is out of bounds"),
    (#""x", 0, "s", 0, 0, 0, NAN, 1, 0"#, "its bounds are nan and 1.0"),
    (#""x", 0, "s", 0, 0, 0, 1, -1, 0"#, "its bounds are 1.0 and -1.0"),
    (#""x", 0, "s", 1, 0, 0.5, 0, 1, 0"#, "its default is out of bounds"),
    (#""x", 0, "s", 2, 0, 0, 0, 0, 0"#, "the bounds of a Boolean are 0 and 1"),
    (#""x", 0, "s", 3, 0, 0, 0, 1, 0"#, "it is a choice, but its names are null"),
    (#""x", 0, "s", 3, 0, 0, 0, 1e9, (const char *const[]){ "a" }"#, "the bounds of a choice are 0 and"),
    (#""x", 0, "s", 3, 0, 0, 0, 1, (const char *const[]){ "a", 0 }"#, "its choice 1 is null"),
    (#""x", 0, "s", 3, 0, 0, 0, 1, (const char *const[]){ "a", "a" }"#, "it declares the choice 'a' twice"),
    (#""x", 0, "s", 3, 0, 0, 0, 0, (const char *const[]){ "a b" }"#, "'a b' is not a word"),
    (#""x", 0, "s", 2, LOSSKIT_REWARD_SCALE, 0, 0, 1, 0"#, "marked as the reward scale, but it is not a real number"),
  ])
  func parametersAreChecked(fields: String, problem: String) throws {
    let text = try refusal { $0.parameters = ["{ \(fields) }"] }
    #expect(text.hasPrefix("loss 'toy': ") && text.contains(problem), "\(text)")
  }

  @Test func fieldsAreChecked() throws {
    let x = #"{ "x", 0, "s", 0, LOSSKIT_REWARD_SCALE, 0, 0, 1, 0 }"#
    let y = #"{ "y", 0, "s", 0, LOSSKIT_REWARD_SCALE, 0, 0, 1, 0 }"#
    #expect(try refusal { $0.parameters = [x, x] }.contains("declares the parameter 'x' twice"))
    #expect(try refusal { $0.parameters = [x, y] }.contains("more than one of its parameters is marked"))
    #expect(try refusal { $0.inputs = [#"{ "reward", "r", 3, 0 }"#] }.contains("column 'reward': its extent is 3"))
    #expect(try refusal { $0.inputs = [#"{ "reward", "r", 0, 8 }"#] }.contains("its flags hold 0x8"))
    #expect(try refusal { $0.inputs = [#"{ "reward", 0, 0, 0 }"#] }.contains("its summary is null"))
    #expect(try refusal { $0.inputs += $0.inputs }.contains("declares the column 'reward' twice"))
    #expect(try refusal { $0.states = [#"{ "m", NAN }"#] }.contains("the initial value of state 'm' is not finite"))
    #expect(try refusal { $0.states = [#"{ "m", 0 }"#, #"{ "m", 0 }"#] }.contains("declares the state 'm' twice"))
  }

  @Test func oneLibraryMayNotOfferANameTwice() throws {
    #expect(try refusal { $0.components = "&component, &component" } == "it declares the loss or objective 'toy' twice")
    #expect(
      try refusal {
        $0.extra = #"static const losskit_objective o = { "toy", "1", "s", 0, 0, "dpo" };"#
        $0.objectives = "&o"
      } == "it declares the loss or objective 'toy' twice")
  }

  @Test func namedObjectivesMustParse() throws {
    #expect(
      try refusal {
        $0.extra = #"static const losskit_objective o = { "mine", "1", "s", 0, 0, "dpo @" };"#
        $0.objectives = "&o"
      }.hasPrefix("objective 'mine': objective, column 6: expected the name of a reward"))
  }
}
