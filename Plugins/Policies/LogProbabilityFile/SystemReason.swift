import FoundationEssentials
import LossKitSystem

/// Why the system refused, behind a colon; nothing where it gave no reason.
func systemReason(_ error: any Error) -> String {
  guard let cause = (error as? CocoaError)?.underlying as? POSIXError else { return "" }
  var text = [CChar](repeating: 0, count: 256)
  return text.withUnsafeMutableBufferPointer { buffer in
    guard let start = buffer.baseAddress, strerror_r(cause.code.rawValue, start, buffer.count) == 0 else { return "" }
    return ": " + String(cString: start)
  }
}
