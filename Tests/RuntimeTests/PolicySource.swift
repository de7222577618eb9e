import Foundation

/// C for a policy with simple log-probabilities: −weight for each byte of a response and for its end.
enum PolicySource {
  /// `describe` is the body of the function that states the identity, and `chat` the C of the function `render_one`, which writes a
  /// conversation into a buffer or fails; empty for a policy without them.
  static func text(
    flags: String = "LOSSKIT_TRAINABLE", step: String = "step", create: String = "create", describe: String = "",
    chat: String = ""
  ) throws -> String {
    """
    #define FLAGS \(flags)
    #define STEP \(step)
    #define CREATE \(create)
    \(describe.isEmpty && chat.isEmpty ? "" : declaration)
    \(try String(contentsOfFile: PluginWorkshop.package + "/Tests/ABI/policy.c", encoding: .utf8))
    \(describe.isEmpty ? "" : identity(describe))
    \(chat.isEmpty ? "" : template(chat))
    """
  }

  private static func template(_ body: String) -> String {
    """
    #include <stdio.h>
    #include <string.h>
    \(body)
    static uint32_t text_form;
    static int32_t has_template(const losskit_policy *policy) { (void)policy; return 1; }
    static int32_t render(losskit_policy *policy, const losskit_conversation *conversations, size_t count, uint32_t flags,
                          void (*receive)(void *, size_t, const losskit_text *), void *context, losskit_error *error) {
      (void)policy;
      for (size_t index = 0; index < count; index++) {
        char buffer[4096];
        if (!render_one(&conversations[index], flags, buffer, sizeof buffer)) {
          error->prompt = (int64_t)index;
          snprintf(error->message, sizeof error->message, "the template refuses it");
          return 1;
        }
        const losskit_text text = { buffer, strlen(buffer) };
        receive(context, index, &text);
      }
      return 0;
    }
    static int32_t set_text_form(losskit_policy *policy, uint32_t form, losskit_error *error) {
      (void)policy; (void)error;
      text_form = form;
      return 0;
    }
    static const losskit_chat_extension_v1 chat = { has_template, render, set_text_form };
    static const void *extend(const losskit_policy_type *self, const char *id) {
      (void)self; return strcmp(id, "losskit.chat/1") == 0 ? &chat : 0;
    }
    """
  }

  private static let declaration = """
    #define EXTENSION extend
    static const void *extend(const losskit_policy_type *self, const char *id);
    """

  private static func identity(_ body: String) -> String {
    """
    #include <string.h>
    #define TEXT(text) { text, sizeof text - 1 }
    static int32_t describe(losskit_policy *policy, void (*receive)(void *, const losskit_fact *, size_t, const losskit_text *),
                            void *context, losskit_error *error) {
      (void)policy; (void)error;
      \(body)
      return 0;
    }
    static const losskit_identity_extension_v1 identity = { describe };
    static const void *extend(const losskit_policy_type *self, const char *id) {
      (void)self; return strcmp(id, "losskit.identity/1") == 0 ? &identity : 0;
    }
    """
  }
}
