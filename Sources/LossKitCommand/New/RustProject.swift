/// A Rust library without crates. The command embeds its files, from the directory Rust.
struct RustProject {
  let names: ProjectNames

  var files: LanguageFiles {
    LanguageFiles(
      files: [
        ProjectFile(path: "src/lib.rs", text: source),
        ProjectFile(path: "src/losskit.rs", text: String(decoding: PackageResources.losskit_rs, as: UTF8.self)),
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

  /// The template for the kind, with the project's names filled in.
  private var source: String {
    let template = names.kind == .loss ? PackageResources.loss_rs : PackageResources.reward_rs
    return String(decoding: template, as: UTF8.self)
      .replacing("my_\(names.kind)", with: names.function).replacing("my-\(names.kind)", with: names.component)
  }

  private var manifest: String {
    """
    [package]
    name = "\(names.kebab)"
    version = "1.0.0"
    edition = "2021"

    [lib]
    crate-type = ["cdylib"]

    # An independent project, wherever it is.
    [workspace]

    """
  }
}
