import LossKit
package import LossKitSystem
import Synchronization

/// A child process that opens libraries, seen from its parent; how it ends is a finding about them.
package struct ChildProcess {
  /// How a process ended.
  package enum End: Equatable {
    case exit(status: Int32)
    case signal(Int32)
    /// It wrote no record for too long and was killed.
    case silence
  }

  /// The file descriptor to which the process writes its records, one per line.
  package static let recordFile = FileDescriptor(rawValue: 3)

  /// The file descriptor that captures standard error while the worker checks what a library prints; it survives a
  /// crash.
  package static let printedFile = FileDescriptor(rawValue: 4)

  private let process: pid_t
  private let records: FileDescriptor
  private let errors: FileDescriptor
  private let printed: FileDescriptor?

  /// Starts a program in this process's environment. Its standard output is discarded; its standard error is returned
  /// when it has ended. With `takesPrinted`, the process has a file in which it captures its own standard error.
  package init(executable: String, arguments: [String], takesPrinted: Bool = false) throws {
    // A pipe inherited by another thread's child would stay open after this child ends.
    self = try Self.starting.withLock { _ in
      try ChildProcess(starting: executable, arguments, Self.environment, takesPrinted: takesPrinted)
    }
  }

  /// This process's environment, but with Swift backtraces off: they take seconds, and the signal is enough to report a
  /// crash.
  private static var environment: [String] {
    var variables: [String] = []
    var next = environ
    while let text = next.pointee {
      variables.append(String(cString: text))
      next += 1
    }
    return variables.filter { !$0.hasPrefix("SWIFT_BACKTRACE=") } + ["SWIFT_BACKTRACE=enable=no"]
  }

  private static let starting = Mutex(())

  private init(
    starting executable: String, _ arguments: [String], _ environment: [String], takesPrinted: Bool
  ) throws {
    let (recordPipe, errorPipe) = (try Self.pipe(), try Self.pipe())
    let printed = takesPrinted ? try Self.temporaryFile() : nil
    defer {
      try? recordPipe.write.close()
      try? errorPipe.write.close()
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, errorPipe.write.rawValue, STDERR_FILENO)
    posix_spawn_file_actions_adddup2(&actions, recordPipe.write.rawValue, Self.recordFile.rawValue)
    if let printed { posix_spawn_file_actions_adddup2(&actions, printed.rawValue, Self.printedFile.rawValue) }
    // The current thread may block signals, and the child would inherit the mask: it must start with none blocked.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var process = pid_t()
    let status = Self.withCStrings([executable] + arguments) { arguments in
      Self.withCStrings(environment) { posix_spawn(&process, executable, &actions, &attributes, arguments, $0) }
    }
    guard status == 0 else {
      for file in [recordPipe.read, errorPipe.read, printed] { try? file?.close() }
      throw Failure("\(executable): cannot be started to open a plugin: \(Errno(rawValue: status))")
    }
    self.process = process
    records = recordPipe.read
    errors = errorPipe.read
    self.printed = printed
  }

  /// Reads all records until the process ends, or is killed after `patience` seconds without a record.
  package func follow(patience: Int, _ receive: (String) -> Void) -> (end: End, errors: String) {
    var pending: [UInt8] = []
    var printed: [UInt8] = []
    var isSilent = false
    var deadline = ContinuousClock.now.advanced(by: .seconds(patience))
    var sources = [
      pollfd(fd: records.rawValue, events: Int16(POLLIN), revents: 0),
      pollfd(fd: errors.rawValue, events: Int16(POLLIN), revents: 0),
    ]
    while sources[0].fd >= 0 {
      let rest = ContinuousClock.now.duration(to: deadline) / .milliseconds(1)
      let ready = rest > 0 ? poll(&sources, nfds_t(sources.count), Int32(min(rest.rounded(.up), 1e9))) : 0
      if ready < 0, errno == EINTR { continue }
      if ready <= 0 {
        isSilent = true
        kill(process, SIGKILL)
        break
      }
      if sources[0].revents != 0 {
        let bytes = Self.read(records)
        if bytes.isEmpty { sources[0].fd = -1 }
        pending += bytes
        while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
          receive(String(decoding: pending[..<end], as: UTF8.self))
          deadline = .now.advanced(by: .seconds(patience))
          pending.removeSubrange(...end)
        }
      }
      if sources[1].revents != 0 {
        let bytes = Self.read(errors)
        if bytes.isEmpty { sources[1].fd = -1 }
        printed = (printed + bytes).suffix(4096)
      }
    }
    var status: Int32 = 0
    let end = isSilent ? End.silence : wait(patience: patience, &status)
    if isSilent { waitpid(process, &status, 0) }
    printed += Self.remaining(errors)
    try? records.close()
    try? errors.close()
    if let file = self.printed {
      _ = try? file.seek(offset: 0, from: .start)
      printed += Self.read(file)
      try? file.close()
    }
    return (end, String(decoding: printed, as: UTF8.self))
  }

  /// Waits for a process that has closed its record pipe to end.
  private func wait(patience: Int, _ status: inout Int32) -> End {
    for _ in 0..<patience * 200 {
      let ended = waitpid(process, &status, WNOHANG)
      if ended == process {
        let signal = status & 0x7F
        return signal == 0 ? .exit(status: (status >> 8) & 0xFF) : .signal(signal)
      }
      if ended < 0, errno != EINTR { return .exit(status: -1) }
      usleep(5000)
    }
    kill(process, SIGKILL)
    waitpid(process, &status, 0)
    return .silence
  }

  private static func pipe() throws -> (read: FileDescriptor, write: FileDescriptor) {
    do {
      let ends = try FileDescriptor.pipe()
      return (try moved(ends.readEnd), try moved(ends.writeEnd))
    } catch {
      throw Failure("cannot make a pipe to a process: \(error)")
    }
  }

  /// Duplicates a file descriptor to a number above those that the child's own files get.
  private static func moved(_ file: FileDescriptor) throws(Errno) -> FileDescriptor {
    defer { try? file.close() }
    return FileDescriptor(rawValue: try checked { fcntl(file.rawValue, F_DUPFD_CLOEXEC, 10) })
  }

  /// An unlinked temporary file.
  private static func temporaryFile() throws -> FileDescriptor {
    guard let stream = tmpfile() else {
      throw Failure("cannot make a temporary file for what a plugin prints: \(Errno.last)")
    }
    defer { fclose(stream) }
    return FileDescriptor(rawValue: try checked { fcntl(fileno(stream), F_DUPFD_CLOEXEC, 10) })
  }

  /// The bytes of one read; empty at the end and on errors.
  private static func read(_ file: FileDescriptor) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
      count = (try? file.read(into: UnsafeMutableRawBufferPointer(buffer))) ?? 0
    }
  }

  /// The bytes left in a pipe, without waiting for more: a process that the plugin left behind may hold the write end.
  private static func remaining(_ file: FileDescriptor) -> [UInt8] {
    _ = fcntl(file.rawValue, F_SETFL, O_NONBLOCK)
    return read(file)
  }

  private static func withCStrings<Value>(
    _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Value
  ) -> Value {
    let copies = texts.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
  }
}

extension ChildProcess.End {
  /// How the process that opened or called a library ended, with the last line it wrote to standard error.
  package func description(errors: String) -> String {
    let last = errors.split(separator: "\n").last { !$0.allSatisfy(\.isWhitespace) }
    let said = last.map { ": \($0.prefix(200))" } ?? ""
    return switch self {
    case .exit(let status): "it ended the process with status \(status)" + said
    case .signal(let signal): "it crashed the process: \(String(cString: strsignal(signal)))" + said
    case .silence: "it did not return"
    }
  }
}
