import ArgumentParser

/// `losskit sdk`: the location of the SDK.
struct SDKCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sdk",
    abstract: "Prints the directory of the Swift package LossKit, which plugins in Swift link.",
    discussion: """
      The package is the one of the installation or of the checkout that this program belongs to. A project of 'losskit new \
      --language swift' finds it this way whenever it is built, so that the project itself holds no path.
      """)

  func run() throws {
    try Console.write(try LossKitSources(at: nil).package + "\n")
  }
}
