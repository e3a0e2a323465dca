import Glibc
import SystemPackage

extension Settings {
  /// The settings of this process: its environment, and for `wf dev` also `.env` in the working directory.
  static func load(readsDotEnv: Bool) throws -> Settings {
    try load(files: readsDotEnv ? [try SettingsFile.dotEnv()].compactMap(\.self) : [])
  }

  /// The settings of this process's environment, of files that it overrides, and of credentials.
  /// - Parameter credentials: the files that hold them, by the credential's name.
  static func load(
    files: [SettingsFile], credentials paths: [String: String] = HostCredentials.ofProcess.paths
  ) throws -> Settings {
    try Settings(SettingsReader(environment: environment, files: files, credentials: try credentials(paths)))
  }

  /// The settings for a command that a person calls: of the environment, of `.env` in the working directory, and of the
  /// services on this host, each before the next. Says on standard error that it has read those of the services, or that
  /// it may not although nothing else says where the API is.
  static func forClient() throws -> Settings {
    var files = [try SettingsFile.dotEnv()].compactMap(\.self)
    do {
      if let host = try SettingsFile.ofHost() {
        Terminal.say("wf: using the settings of \(host.path)")
        files.append(host)
      }
    } catch is SettingsFile.Unreadable {
      if environment["WF_URL"] == nil, files.first?.values["WF_URL"] == nil {
        Terminal.say(
          "wf: \(SettingsFile.hostPath) is not used: only root and its group may read it; sudo, or set WF_URL")
      }
    }
    return try load(files: files)
  }

  /// Reads the secrets that systemd hands over (`LoadCredential=`, systemd.exec(5)).
  private static func credentials(_ paths: [String: String]) throws -> [String: String] {
    var found: [String: String] = [:]
    // Line ends around it are the editor's; one within it is refused with the other settings.
    if let path = paths["llm_api_key"] {
      found["WF_LLM_API_KEY"] = String(decoding: try Files.read(path), as: UTF8.self)
    }
    // Not its content: the file is read for every connection to Redis.
    found["redis_password"] = paths["redis_password"]
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
}
