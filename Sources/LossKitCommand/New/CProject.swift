/// A plugin of one C file and the headers.
struct CProject {
  let names: ProjectNames
  let headers: [ProjectFile]

  var files: LanguageFiles {
    let file = "\(names.function).c"
    return LanguageFiles(
      files: [ProjectFile(path: file, text: source)] + headers,
      buildRule: """
        $(LIBRARY): \(file) \(headers.map(\.path).joined(separator: " "))
        \tinstall -d -m 755 plugin
        \t$(CC) -std=c11 -O2 -Wall -Wextra -shared -fPIC -o $@ \(file) -lm
        \tchmod 755 $@
        """,
      buildLine: "cc -O2 -shared -fPIC -o \(names.library) \(file) -lm", ignored: [])
  }

  private var source: String {
    switch names.kind {
    case .loss:
      """
      #include "losskit_plugin.h"

      /* Write here what it is and where it is from: paper, equation. */
      static double \(names.function)(double chosen, double rejected, double beta, double *d_chosen, double *d_rejected) {
        const double margin = beta * (chosen - rejected);
        *d_chosen = -beta * losskit_sigmoid(-margin);
        *d_rejected = -*d_chosen;
        return -losskit_log_sigmoid(margin);
      }
      LOSSKIT_PAIRWISE_LOSS(\(names.function), "\(names.component)", "Logistic loss of the margin.", LOSSKIT_SCALE("beta", 0.1, "KL strength"))

      """
    case .reward:
      """
      #include "losskit_plugin.h"

      /* Write here what it is and where it is from: paper, equation. */
      static double \(names.function)(double log_ratio, double tau, double *slope) {
        *slope = losskit_sigmoid(-log_ratio / tau);
        return tau * (losskit_log_sigmoid(log_ratio / tau) + log(2));
      }
      LOSSKIT_LOG_RATIO_REWARD(\(names.function), "\(names.component)", "Log-ratio, bounded above.", LOSSKIT_POSITIVE("tau", 1, "bend, in nats"))

      """
    }
  }
}
