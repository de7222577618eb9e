import LossKitRuntime
import LossKitSystem

/// Reports a plugin that ends the process, and makes the exit status nonzero in that case.
enum PluginEnd {
  private static let signals = [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT]

  /// The previous action of each signal, by number. Written before the handlers are installed; only they read it.
  nonisolated(unsafe) private static let earlier = UnsafeMutablePointer<sigaction>.allocate(capacity: 32)

  /// The time at which reporting began, likewise.
  nonisolated(unsafe) private static let start = UnsafeMutablePointer<timespec>.allocate(capacity: 1)

  /// Starts reporting when the process ends inside a plugin's call.
  static func report() {
    clock_gettime(CLOCK_REALTIME, start)
    PluginCall.startTracking()
    // After a stack overflow, a handler needs a separate stack.
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
      // Continues with the previous action.
      sigaction(signal, PluginEnd.earlier + Int(signal), nil)
      raise(signal)
    }
    var action = sigaction(handler: handler)
    action.sa_flags = Int32(SA_ONSTACK)
    sigaction(signal, nil, earlier + Int(signal))
    sigaction(signal, &action, nil)
  }

  /// Writes which plugin's call this thread is in, if any, and what it did. Async-signal-safe: it allocates nothing.
  private static func tell(_ deed: StaticString) -> Bool {
    guard let call = PluginCall.current?.pointee else { return false }
    put("losskit: error: ")
    putName(call.library)
    put(": ")
    put(deed)
    put(" in a call (")
    putName(call.place)
    put("), which ended losskit")
    // A formula or a function is not a file; it does not start with a slash.
    if wasWritten(call.library) {
      put("; the file was written to since losskit started: replace a library in use by renaming the new one")
    } else if call.library.pointee == CChar(UInt8(ascii: "/")) {
      put("; run 'losskit check ")
      putName(call.library)
      put("'")
    }
    put("\n")
    return true
  }

  /// Whether a file was modified after reporting began.
  private static func wasWritten(_ path: UnsafePointer<CChar>) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return false }
    #if canImport(Darwin)
      let modified = status.st_mtimespec
    #else
      let modified = status.st_mtim
    #endif
    return (modified.tv_sec, modified.tv_nsec) > (start.pointee.tv_sec, start.pointee.tv_nsec)
  }

  private static func put(_ text: StaticString) { _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount) }

  /// Writes a path or a name, control characters as '?'.
  private static func putName(_ text: UnsafePointer<CChar>) {
    var next = text
    while next.pointee != 0 {
      let isControl = (0..<0x20).contains(next.pointee) || next.pointee == 0x7F
      if isControl { put("?") } else { _ = write(STDERR_FILENO, next, 1) }
      next += 1
    }
  }

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
