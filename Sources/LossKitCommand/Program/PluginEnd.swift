import LossKitRuntime
import LossKitSystem

/// Tells which plugin ended the process, and sees to it that the exit status is not 0 then.
enum PluginEnd {
  private static let signals = [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT]

  /// What was done about each signal before, at its number. Written before the handlers are there, which alone read it.
  nonisolated(unsafe) private static let earlier = UnsafeMutablePointer<sigaction>.allocate(capacity: 32)

  /// From now on the end of the process inside a plugin's call is reported.
  static func report() {
    PluginCall.startTracking()
    // A handler needs a stack of its own where that of the thread has overflowed.
    let size = 1 << 16
    var stack = stack_t()
    stack.ss_sp = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    stack.ss_size = size
    sigaltstack(&stack, nil)
    for signal in signals { handle(signal) }
    atexit {
      guard PluginEnd.tell("it exited") else { return }
      _exit(ExitStatus.failure.rawValue)
    }
  }

  private static func handle(_ signal: Int32) {
    let handler: @convention(c) (Int32) -> Void = { signal in
      _ = PluginEnd.tell(PluginEnd.words(signal))
      // What happens next is what would have happened without this.
      sigaction(signal, PluginEnd.earlier + Int(signal), nil)
      raise(signal)
    }
    var action = sigaction(handler: handler)
    action.sa_flags = Int32(SA_ONSTACK)
    sigaction(signal, nil, earlier + Int(signal))
    sigaction(signal, &action, nil)
  }

  /// Writes which plugin's call this thread is in, if one, and what it did. Safe in a handler of signals: it allocates nothing.
  private static func tell(_ deed: StaticString) -> Bool {
    guard let call = PluginCall.current?.pointee else { return false }
    put("losskit: error: ")
    put(call.library)
    put(": ")
    put(deed)
    put(" in a call (")
    put(call.place)
    put("), which ended losskit")
    // What is no file, a formula or a function, has no slash to begin with.
    if call.library.pointee == CChar(UInt8(ascii: "/")) {
      put("; run 'losskit check ")
      put(call.library)
      put("'")
    }
    put("\n")
    return true
  }

  private static func put(_ text: StaticString) { _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount) }
  private static func put(_ text: UnsafePointer<CChar>) { _ = write(STDERR_FILENO, text, strlen(text)) }

  private static func words(_ signal: Int32) -> StaticString {
    switch signal {
    case SIGSEGV: "it crashed (SIGSEGV)"
    case SIGBUS: "it crashed (SIGBUS)"
    case SIGFPE: "it crashed (SIGFPE)"
    case SIGILL: "it crashed (SIGILL)"
    case SIGTRAP: "it crashed (SIGTRAP)"
    default: "it aborted (SIGABRT)"
    }
  }
}
