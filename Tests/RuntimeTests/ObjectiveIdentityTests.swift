import Foundation
import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime

/// Objectives with equal hashes compute the same, and objectives with equal formulas have equal hashes.
@Suite struct ObjectiveIdentityTests {
  let workshop: PluginWorkshop
  private let registry: PluginRegistry

  init() throws {
    workshop = try PluginWorkshop()
    registry = try BuiltPlugins.registry()
  }

  private func hash(_ text: String, in other: PluginRegistry? = nil) throws -> String {
    try Objective(text, in: other ?? registry).hash
  }

  /// A registry with the built plugins, preceded by a library.
  private func registry(with library: String) throws -> PluginRegistry {
    let registry = try BuiltPlugins.registry()
    try registry.open(path: library)
    return registry
  }

  // MARK: Formulas

  @Test func oneFormulaFromAPluginFromTextAndFromARenamedLibrary() throws {
    let text = "{-logsigmoid(beta*(chosen.reward-rejected.reward))}(beta=0.1)"
    let library = try workshop.write(
      workshop.read("\(BuiltPlugins.directory())/libDPO.so"), as: "libanother.so")
    let renamed = PluginRegistry(searchPath: try PluginSearchPath([BuiltPlugins.directory()]))
    try renamed.open(path: library)
    let expected = try hash("dpo(beta=0.1)")
    #expect(try hash(text) == expected)
    #expect(try hash("dpo(beta=0.1)", in: renamed) == expected)
    #expect(try Objective("dpo(beta=0.1)", in: registry).unfused().hash == expected)
  }

  @Test(arguments: [
    "{-logsigmoid((chosen.reward-rejected.reward)*beta)}(beta=0.1)",
    "{-logsigmoid(strength*(chosen.reward-rejected.reward))}(strength=0.1)",
    "{-logsigmoid(0.1*(chosen.reward+-rejected.reward))}",
    "{-logsigmoid(0.05*2*(chosen.reward-rejected.reward))}",
    "{m = chosen.reward-rejected.reward; -logsigmoid(0.1*m) + 0*m}",
    "1*{-logsigmoid(0.1*(chosen.reward-rejected.reward))}",
    "{-logsigmoid(0.1*(chosen.reward-rejected.reward))} @ {response.policy_logp - response.reference_logp}",
  ])
  func whatChangesNoValueChangesNoHash(text: String) throws {
    #expect(try hash(text) == hash("dpo(beta=0.1)"))
  }

  @Test func whatChangesAValueChangesTheHash() throws {
    let texts = [
      "dpo(beta=0.1)", "dpo(beta=0.1000000000000001)", "dpo(beta=0.1,label_smoothing=0.1)", "2*dpo(beta=0.1)",
      "dpo(beta=0.1) @ mean-log-ratio", "dpo(beta=0.1) + 0.2*sft", "dpo(beta=0.1) + 0.2*sft(per=token)", "ipo",
      "dpo(beta=0.1) @ {response.policy_logp}", "dpo(beta=0.1) @ {token.policy_token_logp}",
      "dpo(beta=0.1) @ {token.policy_token_logp-token.reference_token_logp}",
      "{-logsigmoid(0.1*(rejected.reward-chosen.reward))}",
      "{-logsigmoid(0.1*(stop_gradient(chosen.reward)-rejected.reward))}", "plackett-luce", "kto", "bco",
    ]
    let hashes = try texts.map { try hash($0) }
    #expect(Set(hashes).count == texts.count)
    #expect(hashes.allSatisfy { $0.count == 64 })
    #expect(try texts.map { try hash($0) } == hashes)
  }

  @Test func theOrderOfTermsWithoutStateDoesNotMatterAndThatOfStatesDoes() throws {
    #expect(try hash("dpo + 0.5*ipo") == hash("0.5*ipo + dpo"))
    #expect(try hash("bco + beta-dpo") != hash("beta-dpo + bco"))
  }

  /// Unused, reordered and duplicate nodes do not change a formula.
  @Test func aFormulaInCIsKnownByWhatItComputes() throws {
    func build(_ nodes: String, outputs: String, as name: String) throws -> PluginRegistry {
      try registry(with: workshop.build(Self.formulaSource(nodes, outputs: outputs), as: name))
    }
    let plain = try build(
      """
      { LOSSKIT_OP_INPUT, 0, 0, 0, 0 }, { LOSSKIT_OP_INPUT, 0, 1, 0, 0 }, { LOSSKIT_OP_SUBTRACT, 0, 1, 0, 0 },
      { LOSSKIT_OP_CONSTANT, 0, 0, 0, 0.1 }, { LOSSKIT_OP_MULTIPLY, 3, 2, 0, 0 },
      { LOSSKIT_OP_LOG_SIGMOID, 4, 0, 0, 0 }, { LOSSKIT_OP_NEGATE, 5, 0, 0, 0 }
      """, outputs: "6", as: "libplain.so")
    let other = try build(
      """
      { LOSSKIT_OP_CONSTANT, 0, 0, 0, 0.1 }, { LOSSKIT_OP_CONSTANT, 0, 0, 0, 7 }, { LOSSKIT_OP_INPUT, 0, 1, 0, 0 },
      { LOSSKIT_OP_EXP, 1, 0, 0, 0 }, { LOSSKIT_OP_INPUT, 0, 0, 0, 0 }, { LOSSKIT_OP_INPUT, 0, 1, 0, 0 },
      { LOSSKIT_OP_SUBTRACT, 4, 5, 0, 0 }, { LOSSKIT_OP_MULTIPLY, 6, 0, 0, 0 },
      { LOSSKIT_OP_LOG_SIGMOID, 7, 0, 0, 0 }, { LOSSKIT_OP_NEGATE, 8, 0, 0, 0 }
      """, outputs: "9", as: "libother.so")
    #expect(try hash("toy", in: plain) == hash("dpo(beta=0.1)"))
    #expect(try hash("toy", in: other) == hash("dpo(beta=0.1)"))
  }

  private static func formulaSource(_ nodes: String, outputs: String) -> String {
    """
    static int32_t compute(const losskit_component *self, const losskit_frame *frame, losskit_error *error) {
      (void)self; (void)frame; (void)error; return 0;
    }
    static const losskit_formula_node nodes[] = { \(nodes) };
    static const uint32_t outputs[] = { \(outputs) };
    static int32_t trace(const losskit_component *self, size_t k, size_t r, const double *p,
                         void (*receive)(void *, const losskit_formula *), void *context, losskit_error *error) {
      (void)self; (void)k; (void)r; (void)p; (void)error;
      const losskit_formula formula = { LOSSKIT_PER_PROMPT, sizeof nodes / sizeof nodes[0], 1, nodes, outputs, 0 };
      receive(context, &formula);
      return 0;
    }
    static const losskit_formula_extension_v1 formulas = { trace };
    #include <string.h>
    static const void *extend(const losskit_component *self, const char *id) {
      (void)self; return strcmp(id, "losskit.formula/1") == 0 ? &formulas : 0;
    }
    static const losskit_column reward = { "reward", "", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE };
    static const losskit_column *const inputs[] = { &reward };
    static const losskit_component toy = {
      LOSSKIT_LOSS, LOSSKIT_ROWWISE | LOSSKIT_SHIFT_INVARIANT, 2, 2, 0, 0, "toy", "9", "A toy.", 0, 0, "log-ratio",
      0, 1, 0, 0, inputs, 0, 0, compute, extend };
    static const losskit_component *const components[] = { &toy };
    static const losskit_plugin plugin = { 1, 0, 0, components, 0, 0, 0 };
    const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *host, losskit_error *error) {
      (void)host; (void)error; return &plugin;
    }
    """
  }

  // MARK: Code without a formula

  private static func macroSource(factor: Int) -> String {
    """
    static double f(double c, double r, double beta, double *dc, double *dr) {
      const double m = beta * (c - r);
      *dc = -\(factor) * beta * losskit_sigmoid(-m); *dr = -*dc;
      return -\(factor) * losskit_log_sigmoid(m);
    }
    LOSSKIT_PAIRWISE_LOSS(f, "good", "A loss.", LOSSKIT_SCALE("beta", 0.1, "KL strength"))
    """
  }

  @Test func twoLibrariesOfOneNameAreTwoObjectives() throws {
    let one = try workshop.build(Self.macroSource(factor: 1), as: "libgood.so", options: ["-lm"])
    let three = try workshop.build(Self.macroSource(factor: 3), as: "libother.so", options: ["-lm"])
    let copy = try workshop.write(workshop.read(one), as: "libcopy.so")
    let expected = try hash("good", in: registry(with: one))
    #expect(try hash("good", in: registry(with: three)) != expected)
    #expect(try hash("good", in: registry(with: copy)) == expected)
    #expect(try hash("good(beta=0.2)", in: registry(with: one)) != expected)
    #expect(try hash("good @ mean-log-ratio", in: registry(with: one)) != expected)
    #expect(try hash("good + dpo", in: registry(with: one)) == hash("dpo + good", in: registry(with: one)))
  }

  @Test func aLibraryThatChangedSinceItWasOpenedIsLikeNoOther() throws {
    let library = try workshop.build(Self.macroSource(factor: 1), as: "libgood.so", options: ["-lm"])
    let registry = try registry(with: library)
    let component = try registry.component(named: "good", kind: .loss)
    let expected = try hash("good", in: registry)
    #expect(try component.files.map { try $0.digest() } == [SHA256Digest.hexadecimal(of: workshop.read(library))])
    try FileManager.default.removeItem(atPath: library)
    try workshop.write(workshop.read(workshop.build(Self.macroSource(factor: 3), as: "libx.so")), as: "libgood.so")
    #expect(message { try component.files[0].digest() }.contains("it has changed since it was opened"))
    let (first, second) = (try hash("good", in: registry), try hash("good", in: registry))
    #expect(first != expected && second != first)
  }

  @Test func theAuthorOfALineStatesItsVersion() throws {
    let source = Self.macroSource(factor: 1)
    let plain = try workshop.build(source, as: "libplain.so", options: ["-lm"])
    let versioned = try workshop.build(
      source, as: "libversioned.so", options: ["-lm", #"-DLOSSKIT_PLUGIN_VERSION="2.5""#])
    #expect(try registry(with: plain).component(named: "good", kind: .loss).version == "1")
    #expect(try registry(with: versioned).component(named: "good", kind: .loss).version == "2.5")
  }

  @Test func aFunctionIsKnownByItsManifestAndItsLibrary() throws {
    func registry(_ directory: String, factor: Int, weight: Int = 2) throws -> PluginRegistry {
      try workshop.makeDirectory(directory)
      try workshop.build(
        "double margin(double c, double r, double w) { return \(factor) * w * (r - c); }", as: "\(directory)/libm.so",
        options: ["-Wl,--strip-all", "-Wl,--build-id=none"])
      let manifest = """
        { "name": "margin", "kind": "loss", "library": "libm.so", "shift_invariant": true,
          "function": "double margin(double chosen_reward, double rejected_reward, double weight = \(weight))" }
        """
      return try self.registry(
        with: workshop.write(Array(manifest.utf8), as: "\(directory)/margin.losskit.json"))
    }
    let expected = try hash("margin", in: registry("a", factor: 1))
    #expect(try hash("margin", in: registry("b", factor: 1)) == expected)
    #expect(try hash("margin", in: registry("c", factor: 2)) != expected)
    #expect(try hash("margin", in: registry("d", factor: 1, weight: 3)) != expected)
  }

  @Test func aFunctionOfTheProgramIsKnownByWhereItsCodeIs() throws {
    func hash(_ function: UnsafeRawPointer, userData: UnsafeMutableRawPointer? = nil) throws -> String {
      let registry = try BuiltPlugins.registry()
      var declaration = Functions.sigmoidDeclaration
      if userData != nil { declaration.prototype = declaration.prototype.replacing(")", with: ", void *user_data)") }
      try registry.register(declaration, function: function, userData: userData)
      return try self.hash("plain", in: registry)
    }
    #expect(try hash(Functions.sigmoid) == hash(Functions.sigmoid))
    #expect(try hash(Functions.sigmoid) != hash(Functions.sigmoidGradient))
    // The meaning of the data is unknown.
    let data = UnsafeMutableRawPointer(Functions.calls)
    #expect(try hash(Functions.sigmoid, userData: data) != hash(Functions.sigmoid, userData: data))
  }
}
