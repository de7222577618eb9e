import ArgumentParser
import LossKitJSON
import LossKitRuntime

/// `losskit list`: the available plugins.
struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Lists the available losses, objectives, rewards and policies.",
    discussion: """
      Each line has the kind, the name, the version, the library and a summary. A name that an earlier directory of the plugin \
      path also has is listed with the library that is used instead; a name that two libraries of one directory claim \
      cannot be used. Components with gradients by differences are marked [numeric gradient]. Libraries that cannot be used are \
      reported on standard error.
      """)

  @Flag(help: "Write a JSON array with one object for each entry.")
  var json = false

  @Flag(help: "Write a Markdown table: requirements, default β, source and verification of each entry.")
  var markdown = false

  @OptionGroup var plugins: PluginOptions

  func validate() throws {
    if json, markdown { throw ValidationError("--json and --markdown exclude each other; give one") }
  }

  func run() throws {
    let registry = try plugins.registry()
    let listing = registry.listing
    for problem in listing.problems { Console.note("not usable: \(problem.message)") }
    if markdown {
      try Console.write(MethodTable(listing, in: registry).text)
    } else if json {
      try Console.write(JSONValue.array(listing.entries.map(\.json)).indented + "\n")
    } else {
      try Console.show(alignedLines(listing.entries.map(\.cells)))
    }
  }
}

extension PluginEntryDescription {
  /// The entry as a row of the list.
  fileprivate var cells: [String] {
    let remark =
      if let shadowedBy {
        "[not used: \(shadowedBy) has the same name and comes first] "
      } else if !conflictsWith.isEmpty {
        "[cannot be used: also claimed by \(conflictsWith.joined(separator: " and by "))] "
      } else {
        ""
      }
    let gradient = hasNumericGradient ? "[numeric gradient] " : ""
    return [kind.rawValue, name, version, fileName(of: library), remark + gradient + summary]
  }
}

/// The last component of a path.
func fileName(of path: String) -> String {
  path.split(separator: "/").last.map(String.init) ?? path
}
