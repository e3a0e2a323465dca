import Glibc
import SystemPackage

extension Settings {
  /// The settings of this process: its environment, and for the command line also `.env` in the working directory.
  static func load(readsDotEnv: Bool) throws -> Settings {
    try Settings(
      SettingsReader(
        environment: environment, file: readsDotEnv ? try dotEnv() : [:], credentials: try credentials()))
  }

  /// The secrets that systemd hands over (`LoadCredential=`, systemd.exec(5)): files in a folder of the service's own.
  private static func credentials() throws -> [String: String] {
    guard let folder = environment["CREDENTIALS_DIRECTORY"] else { return [:] }
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
