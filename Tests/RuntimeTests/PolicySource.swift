import Foundation

/// C for a policy with simple log-probabilities: −weight for each byte of a response and for its end.
enum PolicySource {
  /// `describe` is the body of the function that states the identity; empty for a policy that has none.
  static func text(
    flags: String = "LOSSKIT_TRAINABLE", step: String = "step", create: String = "create", describe: String = ""
  ) throws -> String {
    """
    #define FLAGS \(flags)
    #define STEP \(step)
    #define CREATE \(create)
    \(describe.isEmpty ? "" : declaration)
    \(try String(contentsOfFile: PluginWorkshop.package + "/Tests/ABI/policy.c", encoding: .utf8))
    \(describe.isEmpty ? "" : identity(describe))
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
