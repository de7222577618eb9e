import LossKitSystem

// What a child process does whose end is a finding.

/// Writes a record, its end included, to the file that a parent reads. What cannot be written is lost: nobody reads any more.
package func writeRecord(_ line: String) {
  let bytes = Array(line.utf8)
  var written = 0
  while written < bytes.count {
    let count = bytes.withUnsafeBytes { bytes in
      write(ChildProcess.recordFile, bytes.baseAddress.map { $0 + written }, bytes.count - written)
    }
    if count < 0, errno != EINTR { return }
    written += max(0, count)
  }
}

/// A crash of this process is a finding; nobody asked for its memory in a file.
package func preventCoreFiles() {
  #if canImport(Glibc)
    let resource = __rlimit_resource_t(RLIMIT_CORE.rawValue)
  #else
    let resource = RLIMIT_CORE
  #endif
  var limit = rlimit()
  getrlimit(resource, &limit)
  limit.rlim_cur = 0
  setrlimit(resource, &limit)
}
