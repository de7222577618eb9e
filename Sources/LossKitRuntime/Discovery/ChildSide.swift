import LossKitSystem

// What a child process does whose end is a finding.

/// Writes a record, its end included, to the file that a parent reads. What cannot be written is lost: nobody reads any more.
package func writeRecord(_ line: String) {
  _ = try? ChildProcess.recordFile.writeAll(line.utf8)
}

/// A crash of this process is a finding; nobody asked for its memory in a file.
package func preventCoreFiles() {
  var limit = limit(of: Resource.coreFile)
  limit.rlim_cur = 0
  setLimit(limit, of: Resource.coreFile)
}
