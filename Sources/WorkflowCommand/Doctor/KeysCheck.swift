import AccessKeys
import Glibc

/// Looks at the file with the keys of the API.
struct KeysCheck {
  let path: String
  /// Whether the API is a service of this host, with a separate user.
  let isService: Bool

  /// What was found.
  func result() -> CheckResult {
    let file: KeyFile
    do throws(KeyFile.Failure) { file = try KeyFile.read(path) } catch {
      return .failed(
        "\(error)",
        remedy: error.isMissing ? "wf keys add NAME makes it" : "WF_API_KEYS_FILE is a file that wf-api may read")
    }
    if let fault = file.faults.first {
      return .failed(
        "\(path): \(fault)",
        remedy: "correct it; until then the API has the keys that it read last, or the lines that are right")
    }
    if file.keys.isEmpty { return .failed("\(path) has no key: every request is refused", remedy: "wf keys add NAME") }
    if isService, !mayBeReadByService {
      return .failed("wf-api may not read \(path)", remedy: "chgrp wf \(path); chmod 640 \(path)")
    }
    let names = Set(file.keys.map(\.name)).count
    return .ok(
      "\(path) has \(file.keys.count) key\(file.keys.count == 1 ? "" : "s") of \(names) name\(names == 1 ? "" : "s")")
  }

  /// Whether the group of the service, or everybody, may read the file. Folders above it are not looked at.
  private var mayBeReadByService: Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return false }
    if status.st_mode & 0o004 != 0 { return true }
    guard let group = getgrnam("wf") else { return false }
    return status.st_gid == group.pointee.gr_gid && status.st_mode & 0o040 != 0
  }
}
