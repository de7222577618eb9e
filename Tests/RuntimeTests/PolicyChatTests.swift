import LossKit
import LossKitRuntime
import Testing

/// Conversations that a policy in C renders.
struct PolicyChatTests {
  private let workshop: PluginWorkshop

  init() throws { workshop = try PluginWorkshop() }

  private func policy(_ chat: String) throws -> PolicyInstance {
    let name = "libchat\(UInt64.random(in: 0 ... .max)).so"
    let library = try PluginLibrary.open(workshop.build(PolicySource.text(chat: chat), as: name))
    return try #require(library.policyTypes.first).create(seed: 1)
  }

  /// Writes role, content, members and tools of a conversation; refuses a role of its own.
  private static let listing = """
    static int render_one(const losskit_conversation *c, uint32_t flags, char *out, size_t size) {
      size_t used = 0;
      #define PUT(...) used += (size_t)snprintf(out + used, size - used, __VA_ARGS__)
      PUT("[%.*s]", (int)c->tools.length, c->tools.bytes ? c->tools.bytes : "");
      for (size_t i = 0; i < c->message_count; i++) {
        const losskit_message *m = &c->messages[i];
        if (m->role.length == 7 && memcmp(m->role.bytes, "refused", 7) == 0) return 0;
        PUT("%.*s=%.*s%.*s;", (int)m->role.length, m->role.bytes, (int)m->content.length, m->content.bytes,
            (int)m->members.length, m->members.bytes);
      }
      if (flags & LOSSKIT_CHAT_GENERATE) PUT("assistant=");
      return 1;
    }
    """

  @Test func conversationsArriveWhole() throws {
    let policy = try policy(Self.listing)
    #expect(policy.hasChatTemplate)
    let texts = try policy.render(
      [
        Conversation([
          .init(role: "user", content: "Größe?"), .init(role: "tool", content: "", members: #"{"name":"f"}"#),
        ]),
        Conversation([], tools: "[1]"),
      ], forGeneration: true)
    #expect(texts == [#"[]user=Größe?;tool={"name":"f"};assistant="#, "[[1]]assistant="])
    #expect(try policy.render([], forGeneration: false) == [])
    #expect(
      try policy.render([Conversation([.init(role: "user", content: "a")])], forGeneration: false) == ["[]user=a;"])
    try policy.setTextForm(.rendered)
  }

  @Test func aRefusedConversationIsNamed() throws {
    let policy = try policy(Self.listing)
    let failure = #expect(throws: Failure.self) {
      try policy.render(
        [Conversation([]), Conversation([.init(role: "refused", content: "")])], forGeneration: false)
    }
    #expect(failure?.prompt == 1)
    #expect(failure?.message.contains("the template refuses it") == true)
  }

  @Test func aPolicyWithoutATemplateSaysSo() throws {
    let library = try PluginLibrary.open(workshop.build(PolicySource.text(), as: "libplain.so"))
    let policy = try #require(library.policyTypes.first).create(seed: 1)
    #expect(!policy.hasChatTemplate)
    try policy.setTextForm(.plain)
    #expect(throws: Failure.self) { try policy.setTextForm(.rendered) }
    #expect(throws: Failure.self) { try policy.render([], forGeneration: false) }
  }

  @Test func textThatIsNotUTF8IsRefused() throws {
    let policy = try policy(
      """
      static int render_one(const losskit_conversation *c, uint32_t flags, char *out, size_t size) {
        (void)c; (void)flags; (void)size; strcpy(out, "\\xff"); return 1;
      }
      """)
    let failure = #expect(throws: Failure.self) { try policy.render([Conversation([])], forGeneration: false) }
    #expect(failure?.message.contains("conversation 1") == true)
  }
}
