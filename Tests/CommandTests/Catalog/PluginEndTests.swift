import Foundation
import Testing

/// A plugin that ends the command is named, and the exit status is nonzero.
@Suite struct PluginEndTests {
  /// Evaluates a loss that executes a statement, alone and in a sum.
  private func evaluate(_ statement: String) throws -> (library: String, run: Tool.Outcome) {
    let place = try Workplace()
    let directory = try place.makeDirectory("plugins")
    let library = try place.compile(
      """
      #include <stdio.h>
      #include <stdlib.h>
      #define LIBRARY "\(place.path("plugins/libending.so"))"
      static double ending(double chosen, double rejected, double beta, double *d_chosen, double *d_rejected) {
        *d_chosen = -beta;
        *d_rejected = beta;
        \(statement);
        return beta * (rejected - chosen);
      }
      LOSSKIT_PAIRWISE_LOSS(ending, "ending", "Ends the process.", LOSSKIT_SCALE("beta", 0.1, "KL strength"))
      """, as: "plugins/libending.so")
    let run = try Tool.run(
      ["evaluate", "--loss", "ending", "--input", "-", "--output", "-", "--plugin-path", directory],
      input: #"{"policy_logp": [-10, -12], "reference_logp": [-11, -11]}"#)
    return (library, run)
  }

  @Test(arguments: [
    ("abort()", "it aborted (SIGABRT)"), ("*(volatile int *)8 = 1", "it crashed (SIGSEGV)"),
    ("__builtin_trap()", "it crashed (SIG"), ("exit(0)", "it exited"), ("exit(7)", "it exited"),
  ])
  func aCallThatDoesNotReturn(statement: String, deed: String) throws {
    let (library, run) = try evaluate(statement)
    #expect(run.status != 0 && run.output == "")
    #expect(run.error.hasPrefix("losskit: error: \(library): \(deed)"), "\(run.error)")
    #expect(run.error.contains(" in a call (ending), which ended losskit; run 'losskit check \(library)'\n"))
  }

  @Test func aFileThatWasWrittenToIsBlamedAndNotThePlugin() throws {
    let (library, run) = try evaluate(
      "FILE *file = fopen(LIBRARY, \"a\"); fputc(0, file); fclose(file); *(volatile int *)8 = 1")
    #expect(run.status != 0)
    #expect(
      run.error.hasPrefix(
        "losskit: error: \(library): it crashed (SIGSEGV) in a call (ending), which ended losskit; the file was written to "
          + "since losskit started: replace a library in use by renaming the new one\n"), "\(run.error)")
  }

  @Test func aCallThatReturnsIsNotBlamed() throws {
    let (_, run) = try evaluate("")
    #expect(run.status == 0 && !run.error.contains("losskit check"), "\(run.error)")
  }
}
