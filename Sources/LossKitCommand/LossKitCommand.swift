import ArgumentParser

/// The command line.
@main
struct LossKitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "losskit", abstract: "Preference-optimization losses as plugins.")
}
