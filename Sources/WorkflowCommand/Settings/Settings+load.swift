import Glibc
import SystemPackage

extension Settings {
  /// The settings of this process: its environment, and for the command line also `.env` in the working directory.
  static func load(readsDotEnv: Bool) throws -> Settings {
    try load(
      file: readsDotEnv ? try dotEnv() : [:], credentialsFolder: environment["CREDENTIALS_DIRECTORY"])
  }

  /// The settings of this process's environment, of a file that it overrides, and of a folder of credentials.
  static func load(file: [String: String], credentialsFolder: String?) throws -> Settings {
    try Settings(
      SettingsReader(environment: environment, file: file, credentials: try credentials(in: credentialsFolder)))
  }

  /// The secrets that systemd hands over (`LoadCredential=`, systemd.exec(5)): files in a folder of the service's own.
  private static func credentials(in folder: String?) throws -> [String: String] {
    guard let folder else { return [:] }
    var found: [String: String] = [:]
    for (file, setting) in [("llm_api_key", "WF_LLM_API_KEY"), ("redis_password", "REDIS_PASSWORD")] {
      let path = "\(folder)/\(file)"
      guard access(path, F_OK) == 0 else { continue }
      found[setting] = String(decoding: try Files.read(path).filter { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
    return found
  }

  /// The environment of this process.
  static var environment: [String: String] {
    var values: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let line = String(cString: text)
      if let equals = line.firstIndex(of: "=") {
        values[String(line[..<equals])] = String(line[line.index(after: equals)...])
      }
      entry += 1
    }
    return values
  }

  /// The settings of `.env`, none when there is no such file.
  static func dotEnv() throws -> [String: String] {
    guard access(".env", F_OK) == 0 else { return [:] }
    let text = String(decoding: try Files.read(".env"), as: UTF8.self)
    do {
      return try DotEnvFile.parse(text)
    } catch {
      throw Invalid(problems: ["\(error)"])
    }
  }
}
