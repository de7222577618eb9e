import LossKitSystem

// The child's side of a process whose end is a finding.

/// Writes a record and its line end to the file that the parent reads. Ignores errors: they mean that the parent no
/// longer reads.
package func writeRecord(_ line: String) {
  _ = try? ChildProcess.recordFile.writeAll(line.utf8)
}

/// Prevents core files: a crash of this process is an expected finding.
package func preventCoreFiles() {
  var limit = limit(of: Resource.coreFile)
  limit.rlim_cur = 0
  setLimit(limit, of: Resource.coreFile)
}
