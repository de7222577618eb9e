import Testing

/// Faulty manifests: `losskit check` finds each, and none hides other plugins.
@Suite struct ManifestCorpusTests {
  private let place: Workplace

  init() throws {
    place = try Workplace()
    _ = try place.makeDirectory("manifests")
    try place.compile(
      """
      double plain_loss(double chosen, double rejected, double beta) {
        const double margin = beta * (chosen - rejected);
        return fmax(0, -margin) + log1p(exp(-fabs(margin)));
      }
      double chosen_loss(double chosen, double rejected) { return fabs(chosen) + 0 * rejected; }
      void plain_slopes(double chosen, double rejected, double beta, double *to_chosen, double *to_rejected) {
        *to_chosen = -beta / (1 + exp(beta * (chosen - rejected)));
        *to_rejected = -*to_chosen;
      }
      void wrong_slopes(double chosen, double rejected, double beta, double *to_chosen, double *to_rejected) {
        plain_slopes(chosen, rejected, beta, to_rejected, to_chosen);
      }
      """, as: "manifests/libplain.so")
  }

  /// A manifest of `plain_loss`, each part of which a case can replace.
  private static func manifest(
    name: String = "plain", kind: String = "loss", library: String = "libplain.so",
    function: String = "double plain_loss(double chosen_reward, double rejected_reward, double beta = 0.1)",
    gradient: String =
      "void plain_slopes(double chosen_reward, double rejected_reward, double beta, double *d_chosen_reward, double *d_rejected_reward)",
    more: String = ""
  ) -> String {
    """
    { "name": "\(name)", "kind": "\(kind)", "library": "\(library)",
      "function": "\(function)",
      "gradient": "\(gradient)"\(more) }
    """
  }

  private static let wrong: [(what: String, test: String, text: String)] = [
    (
      "unknown-type", "manifest", manifest(function: "complex plain_loss(double chosen_reward, double rejected_reward)")
    ),
    (
      "unknown-argument", "manifest",
      manifest(function: "double plain_loss(double chosen_rewards, double rejected_reward)")
    ),
    (
      "missing-symbol", "manifest",
      manifest(function: "double plane_loss(double chosen_reward, double rejected_reward)")
    ),
    ("missing-gradient", "manifest", manifest(gradient: "void slopes(double chosen_reward, double *d_chosen_reward)")),
    ("unparsed", "manifest", manifest(function: "double plain_loss(double chosen_reward,, double rejected_reward)")),
    ("missing-library", "manifest", manifest(library: "libnowhere.so")),
    ("illegal-name", "manifest", manifest(name: "Plain Loss")),
    ("unknown-kind", "manifest", manifest(kind: "lose")),
    ("unknown-key", "manifest", manifest(more: #", "gradients": 1"#)),
    ("no-json", "manifest", "name = plain"),
    ("cut-short", "manifest", "{ \"name\": \"plain"),
    (
      "wrong-gradient", "gradient",
      manifest(
        gradient:
          "void wrong_slopes(double chosen_reward, double rejected_reward, double beta, double *d_chosen_reward, double *d_rejected_reward)"
      )
    ),
    (
      "false-shift", "shift-invariant",
      #"""
      { "name": "chosen", "kind": "loss", "library": "libplain.so", "shift_invariant": true,
        "function": "double chosen_loss(double chosen_reward, double rejected_reward)" }
      """#
    ),
  ]

  @Test func aSoundManifestMeetsAllRequirements() throws {
    let file = try place.write(Self.manifest(), as: "manifests/plain.losskit.json")
    let run = try CheckedRun(["check", file, "--json"])
    #expect(run.status == 0, "\(run.results.filter { $0.outcome == "FAIL" })")
    #expect(run.results.contains { $0.test == "manifest" && $0.outcome == "ok" })
    #expect(run.results.contains { $0.test == "gradient" && $0.outcome == "ok" })
    // The library beside it is not a plugin and need not be one.
    let directory = try CheckedRun(["check", place.path("manifests"), "--json", "--test", "returns"])
    #expect(directory.status == 0, "\(directory.results)")
  }

  @Test(arguments: wrong.indices)
  func aWrongManifestIsFound(index: Int) throws {
    let (what, test, text) = Self.wrong[index]
    let file = try place.write(text, as: "manifests/\(what).losskit.json")
    let run = try CheckedRun(["check", file, "--json"])
    #expect(run.status == 1)
    let failed = run.results.filter { $0.outcome == "FAIL" }
    #expect(failed.contains { $0.test == test && !$0.detail.isEmpty }, "\(what): \(failed)")
    // Everything else is available.
    let list = try Tool.run(["list", "--plugin-path", place.path("manifests")])
    #expect(list.status == 0 && list.output.contains("cal-dpo"))
    if test == "manifest" { #expect(list.error.contains("\(what).losskit.json"), "\(list.error)") }
  }
}
