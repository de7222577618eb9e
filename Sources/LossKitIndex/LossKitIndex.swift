import LossKitRuntime
import LossKitSystem

/// Opens the libraries that its arguments name, for a program that wants to know what they offer and to survive them.
@main
struct LossKitIndex {
  static func main() {
    StandardFiles.openClosed()
    IndexWorker.run(Array(CommandLine.arguments.dropFirst()))
  }
}
