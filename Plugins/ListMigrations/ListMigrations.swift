import Foundation
import PackagePlugin

/// Writes the list of a target's `Migrations/`, whose contents `embedInCode` puts into the program: a new file is found.
@main
struct ListMigrations: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        guard let files = target.sourceModule?.sourceFiles(withSuffix: ".sql").map(\.url) else { return [] }
        let names = files.map { $0.deletingPathExtension().lastPathComponent }.sorted()
        let lines = names.map { name in
            // What SwiftPM calls a file that begins with a digit.
            "        Migration(name: \"\(name)\", script: PackageResources._\(name.dropFirst())_sql),\n"
        }
        let text = """
            extension Migrator {
                /// Every migration, in order: the files of `Migrations/`.
                public static let all = [
            \(lines.joined())    ]
            }

            """
        let output = context.pluginWorkDirectoryURL.appending(path: "Migrations.swift")
        return [
            .buildCommand(
                displayName: "List \(names.count) migrations", executable: URL(filePath: "/bin/sh"),
                arguments: ["-c", "printf %s \"$1\" >\"$2\"", "sh", text, output.path()],
                inputFiles: files, outputFiles: [output])
        ]
    }
}
