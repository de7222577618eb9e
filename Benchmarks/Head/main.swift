import LossKit
import LossKitRuntime
// The fused head of LossKitHead, measured as drivers/worker.h says: `head PLUGINS`, then
//
//   case SEQUENCES TOKENS VOCABULARY HIDDEN
import LossKitSystem

func answer(_ words: [Substring], _ current: inout HeadCase?, _ registry: PluginRegistry) throws -> String {
  let sizes = words.dropFirst().compactMap { Int($0) }
  switch (words.first, current) {
  case ("case", _) where sizes.count == 4 && sizes.allSatisfy { $0 > 0 } && sizes[0].isMultiple(of: 2):
    current = try HeadCase(
      sequences: sizes[0], tokens: sizes[1], vocabulary: sizes[2], size: sizes[3], registry: registry)
    return "ready"
  case ("write", let current?) where words.count == 2:
    try current.call()
    let file = fopen(String(words[1]), "wb"), results = current.results
    guard let file else { throw Failure("\(words[1]): cannot be written; choose another directory") }
    let written = fwrite(results, MemoryLayout<Double>.stride, results.count, file)
    guard fclose(file) == 0, written == results.count else {
      throw Failure("\(words[1]): could not be written; check the free space of the disk")
    }
    return "written"
  case ("time", let current?) where sizes.count == 2 && sizes.allSatisfy { $0 > 0 }:
    return try (0..<sizes[0]).map { _ in "\(try seconds(of: sizes[1], current))" }.joined(separator: " ")
  default:
    throw Failure("head: '\(words.joined(separator: " "))' is not a request; case, write and time are known")
  }
}

/// The mean seconds of a call.
func seconds(of calls: Int, _ current: HeadCase) throws -> Double {
  let duration = try ContinuousClock().measure { for _ in 0..<calls { try current.call() } }
  return (Double(duration.components.seconds) + 1e-18 * Double(duration.components.attoseconds)) / Double(calls)
}

do {
  let registry = try PluginRegistry(searchPath: PluginSearchPath(Array(CommandLine.arguments.dropFirst())))
  var current: HeadCase?
  while let line = readLine() {
    print(try answer(line.split(separator: " "), &current, registry))
    fflush(nil)
  }
} catch {
  let message = Array("\(error)\n".utf8)
  _ = write(2, message, message.count)
  exit(1)
}
