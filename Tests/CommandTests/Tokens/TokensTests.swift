import Testing

/// `losskit tokens` with a tokenizer of a few letters.
@Suite("Tokens")
struct TokensTests {
  private let workplace: Workplace
  private let tokenizer: String

  init() throws {
    workplace = try Workplace()
    tokenizer = try workplace.write(
      #"""
      {"model": {"type": "BPE", "vocab": {"h": 0, "i": 1, "hi": 2, "u": 3}, "merges": ["h i"]},
       "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
       "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}],
        "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [9], "tokens": ["<s>"]}}},
       "added_tokens": [{"id": 9, "content": "<s>", "special": true}, {"id": 8, "content": "<e>", "special": true}]}
      """#, as: "tokenizer.json")
  }

  private func tokens(_ data: String, _ options: String...) throws -> Tool.Outcome {
    try Tool.run(["tokens", "--tokenizer", tokenizer, "--data", "-"] + options, input: data)
  }

  private let conversation = #"{"messages": [{"role": "u", "content": "hi"}]}"# + "\n"
  private let template =
    #"{{ bos_token }}{% for m in messages %}{{ m.role + m.content + eos_token }}{% endfor %}{% if add_generation_prompt %}i{% endif %}"#

  private func configure(_ template: String) throws {
    try workplace.write(
      #"{"bos_token": "<s>", "eos_token": {"content": "<e>"}, "chat_template": \#(template)}"#,
      as: "tokenizer_config.json")
  }

  @Test("A text is shown as pieces with their numbers, or as an object")
  func texts() throws {
    #expect(try tokens("{\"text\": \"hiu\"}\n").output == "2:\"hi\" 3:\"u\"\n")
    #expect(try tokens("{\"text\": \"hiu\"}\n", "--json").output == #"{"ids": [2, 3], "decoded": "hiu"}"# + "\n")
  }

  @Test("Messages are rendered by the template of tokenizer_config.json, with the model's special tokens once")
  func messages() throws {
    try configure(String(reflecting: template))
    #expect(try tokens(conversation, "--json").output == #"{"text": "<s>uhi<e>", "ids": [9, 3, 2, 8]}"# + "\n")
    #expect(
      try tokens(conversation, "--json", "--generation-prompt").output
        == #"{"text": "<s>uhi<e>i", "ids": [9, 3, 2, 8, 1]}"# + "\n")
    #expect(try tokens(conversation).output == #"9:"<s>" 3:"u" 2:"hi" 8:"<e>""# + "\n")
  }

  @Test("Of several templates, one is for conversations with tools")
  func namedTemplates() throws {
    try configure(
      #"[{"name": "default", "template": "h"}, {"name": "tool_use", "template": "{{ tools[0].name }}{{ kind }}"}]"#)
    let data = #"{"messages": [], "tools": [{"name": "u"}], "chat_template_kwargs": {"kind": "i"}}"# + "\n"
    #expect(try tokens(conversation + data, "--json").output.contains(#"{"text": "ui", "ids": [3, 1]}"#))
    try configure(#"[{"name": "other", "template": "h"}]"#)
    #expect(
      try tokens(conversation).error.contains(
        "line 1: the model has the chat templates 'other', but no 'default'; give one with --chat-template FILE"))
  }

  @Test("chat_template.jinja comes before tokenizer_config.json, and --chat-template before both")
  func order() throws {
    try configure("\"h\"")
    try workplace.write("i", as: "chat_template.jinja")
    #expect(try tokens(conversation, "--json").output == #"{"text": "i", "ids": [1]}"# + "\n")
    let file = try workplace.write("u{{ bos_token }}\n", as: "other.jinja")
    #expect(
      try tokens(conversation, "--json", "--chat-template", file).output == #"{"text": "u<s>", "ids": [3, 9]}"# + "\n")
  }

  @Test("What a template refuses is named with the line of the data and that of the template")
  func refused() throws {
    try workplace.write(
      "{% if messages | length == 2 %}\n{{ raise_exception('one message only') }}{% endif %}h",
      as: "chat_template.jinja")
    let two = #"{"messages": [{"role": "u"}, {"role": "u"}]}"# + "\n"
    let outcome = try tokens(conversation + two)
    #expect(outcome.status == 65)
    #expect(outcome.error.contains(", line 2: "))
    #expect(outcome.error.contains("chat_template.jinja, line 2: the template refuses the messages: one message only"))
    #expect(try tokens("{\"messages\": 5}\n").error.contains("line 1: \"messages\" is no list of objects"))
    #expect(try tokens("{\"x\": 5}\n").error.contains("line 1: has no \"text\" and no \"messages\""))
  }

  @Test("A model without a template is refused, and so is a damaged one")
  func missing() throws {
    #expect(
      try tokens(conversation).error.contains(
        "has no chat template, neither chat_template.jinja nor 'chat_template' in tokenizer_config.json; "
          + "give one with --chat-template FILE"))
    try workplace.write("{{ 1", as: "chat_template.jinja")
    let outcome = try tokens(conversation)
    #expect(outcome.status == 65 && outcome.error.contains("chat_template.jinja, line 1: expected '}}'"))
  }
}
