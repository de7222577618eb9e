import ArgumentParser
import LossKitRuntime

/// The process in which other commands open plugins to learn what they offer.
struct IndexWorkerCommand: ParsableCommand {
  static let name = "index-worker"
  static let configuration = CommandConfiguration(
    commandName: name, abstract: "Opens libraries and writes what they offer to file 3.", shouldDisplay: false)

  @Argument var libraries: [String]

  func run() { IndexWorker.run(libraries) }
}
