import LossKitSystem
import Synchronization

// The functions that libFuzzer calls. `make fuzz` links one program with all targets, and calls it by the name of a target.

private let chosen = Mutex<FuzzTarget?>(nil)

/// Chooses the target by the name of the program.
@c(LLVMFuzzerInitialize)
public func initializeFuzzer(
  _ count: UnsafeMutablePointer<Int32>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
) -> Int32 {
  let program = arguments.pointee?.pointee.map { Files.lastComponent(of: String(cString: $0)) } ?? ""
  guard let target = FuzzTarget.named(program) else {
    fatalError("no target '\(program)': \(FuzzTarget.all.map(\.name).joined(separator: ", "))")
  }
  chosen.withLock { $0 = target }
  return 0
}

/// Reads an input; what is refused is of no interest.
@c(LLVMFuzzerTestOneInput)
public func readInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  guard let target = chosen.withLock({ $0 }) else { return -1 }
  try? target.read(Array(UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
