import LossKit
import LossKitRuntime
import Testing

/// The identity of a policy in C.
@Suite struct PolicyIdentityTests {
  let workshop: PluginWorkshop

  init() throws { workshop = try PluginWorkshop() }

  private func policy(_ describe: String) throws -> PolicyInstance {
    let name = "libslope\(UInt64.random(in: 0 ... .max)).so"
    let library = try PluginLibrary.open(workshop.build(PolicySource.text(describe: describe), as: name))
    return try #require(library.policyTypes.first).create(options: ["weight": 2], seed: 1)
  }

  @Test func factsAndDigestAreReadAsStated() throws {
    let policy = try policy(
      """
      const losskit_fact facts[] = { { TEXT("engine"), TEXT("C") }, { TEXT("precision_bits"), TEXT("53 – all") } };
      char digest[64];
      snprintf(digest, sizeof digest, "%.17g", policy->weight);
      const losskit_text text = { digest, strlen(digest) };
      receive(context, facts, 2, &text);
      """)
    let expected = PolicyIdentity(facts: [.init("engine", "C"), .init("precision_bits", "53 – all")], digest: "2")
    #expect(try policy.identity() == expected && policy.type.canStateIdentity)
    #expect(try policy.copy().identity() == expected && policy.copy().options == ["weight": 2])
    try policy.blend(with: policy.type.create(options: ["weight": 4], seed: 1), weight: 0.5)
    #expect(try policy.identity()?.digest == "3")
  }

  @Test func oneThatStatesNothingHasNone() throws {
    #expect(try policy("").identity() == nil)
    #expect(try !policy("").type.canStateIdentity)
    #expect(try policy("receive(context, 0, 0, 0);").identity() == nil)
    let facts = try policy("const losskit_fact fact = { TEXT(\"a\"), TEXT(\"\") }; receive(context, &fact, 1, 0);")
      .identity()
    #expect(facts == PolicyIdentity(facts: [.init("a", "")], digest: nil))
  }

  @Test(arguments: [
    ("const losskit_text text = TEXT(\"\"); receive(context, 0, 0, &text);", "the digest is empty"),
    (
      "static char long_text[1025]; const losskit_text text = { long_text, 1025 }; receive(context, 0, 0, &text);",
      "1024 are the limit"
    ),
    ("const losskit_text text = TEXT(\"\\xff\"); receive(context, 0, 0, &text);", "the digest is not UTF-8"),
    (
      "const losskit_fact fact = { TEXT(\"Not a name\"), TEXT(\"\") }; receive(context, &fact, 1, 0);",
      "'Not a name' is not a name"
    ),
    (
      "const losskit_fact facts[] = { { TEXT(\"a\"), TEXT(\"1\") }, { TEXT(\"a\"), TEXT(\"1\") } }; receive(context, facts, 2, 0);",
      "fact 'a' is stated twice"
    ),
    ("receive(context, 0, 5, 0);", "it claims 5 facts"),
    ("(void)receive, (void)context;", "it handed over no identity"),
    (
      "(void)receive, (void)context; return losskit_fail(error, -1, \"the engine is gone\");",
      "policy slope: the engine is gone"
    ),
  ])
  func whatTheABIDoesNotAllowIsAnError(body: String, expected: String) throws {
    let policy = try policy(body)
    let message = message { try policy.identity() as Any }
    #expect(message.hasPrefix("policy slope: ") && message.contains(expected), "\(message)")
  }
}
