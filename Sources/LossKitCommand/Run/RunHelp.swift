import LossKitTraining

/// The help of commands that make runs, generated from the tables of keys.
enum RunHelp {
  /// The keys of a command, then those of the training.
  static func text(_ schema: RunSchema) -> String {
    let own = schema.keys.map { key in
      entry("--\(key.option) <\(key.placeholder)>", key.summary, note(key))
    }
    let training = TrainingConfiguration.keys.map { key in
      entry(
        "--\(RunKey.option(of: key.name)) <\(placeholder(key))>", key.summary,
        "\(key.valuesText); default: \(key.defaultText)")
    }
    return "OPTIONS OF THE RUN\n\(own.joined())\nOPTIONS OF THE TRAINING\n\(training.joined())"
  }

  private static func note(_ key: RunKey) -> String {
    let name = key.name == RunKey.option(of: key.option).replacing("-", with: "_") ? [] : ["in recipes: \(key.name)"]
    let fallback = key.defaultText.isEmpty ? [] : ["default: \(key.defaultText)"]
    let times = key.arity == .single ? [] : ["may be repeated"]
    return (name + fallback + times).joined(separator: "; ")
  }

  private static func placeholder(_ key: ConfigurationKey) -> String {
    switch key.kind {
    case .real: "number"
    case .integer: "count"
    case .boolean: "true|false"
    case .choice: "name"
    }
  }

  private static func entry(_ head: String, _ summary: String, _ note: String) -> String {
    let text = note.isEmpty ? summary : "\(summary) (\(note))"
    return "  \(head)\n" + wrapped(text, width: 70).map { "      \($0)\n" }.joined()
  }

  /// Breaks a text into lines at spaces.
  private static func wrapped(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, last.count + word.count < width {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}
