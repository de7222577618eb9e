/// A Rust library without crates.
struct RustProject {
  let names: ProjectNames

  var files: LanguageFiles {
    LanguageFiles(
      files: [
        ProjectFile(path: "src/lib.rs", text: source),
        ProjectFile(path: "src/losskit.rs", text: RustSupport.text),
        ProjectFile(path: "Cargo.toml", text: manifest),
      ],
      buildRule: """
        $(LIBRARY): src/lib.rs src/losskit.rs Cargo.toml
        \tcargo build --release --offline --target-dir target
        \tinstall -d -m 755 plugin
        \tinstall -m 755 target/release/lib\(names.function).so $@
        """,
      buildLine: "cargo build --release --offline --target-dir target", ignored: ["/target/"])
  }

  private var source: String {
    switch names.kind {
    case .loss:
      """
      mod losskit;

      /// Write here what it is and where it is from: paper, equation.
      fn \(names.function)(chosen: f64, rejected: f64, beta: f64) -> (f64, [f64; 2]) {
          let margin = beta * (chosen - rejected);
          let slope = beta * losskit::sigmoid(-margin);
          (-losskit::log_sigmoid(margin), [-slope, slope])
      }
      losskit::pairwise_loss!(\(names.function), "\(names.component)", "Logistic loss of the margin.", beta: scale(0.1, "KL strength"));

      """
    case .reward:
      """
      mod losskit;

      /// Write here what it is and where it is from: paper, equation.
      fn \(names.function)(log_ratio: f64, tau: f64) -> (f64, f64) {
          let bent = log_ratio / tau;
          (tau * (losskit::log_sigmoid(bent) + 2f64.ln()), losskit::sigmoid(-bent))
      }
      losskit::log_ratio_reward!(\(names.function), "\(names.component)", "Log-ratio, bounded above.", tau: positive(1.0, "bend, in nats"));

      """
    }
  }

  private var manifest: String {
    """
    [package]
    name = "\(names.kebab)"
    version = "1.0.0"
    edition = "2021"

    [lib]
    crate-type = ["cdylib"]

    # A project of its own, wherever it lies.
    [workspace]

    """
  }
}
