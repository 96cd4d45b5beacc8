import { Button, ProgressBar, Spinner } from "@fluentui/react-components";
import {
  AddRegular, ArrowDownloadRegular, DismissRegular, DocumentRegular, DocumentTableRegular, EyeRegular,
  HistoryRegular, WarningRegular,
} from "@fluentui/react-icons";
import { memo, useCallback, useEffect, useState } from "react";
import { api, fileAddress, type PathName } from "../api/client";
import type { FoundError, Schemas } from "../api/events";
import { ErrorCard } from "../chat/cards";
import { count, moment, shortName, size } from "../parts/words";
import { foundError } from "../state/path_store";
import type { FileFacts } from "../state/model";
import type { UploadEntry } from "./uploads";

type File = Schemas["File"];
const TABLES = /\.(xlsx|xlsm|xltx|xltm|xlsb|xls|ods|csv|tsv|txt|json|parquet)$/i;

/** The files of a path; *revision* grows when one changes. */
export function useFiles(path: PathName | null, revision: number): { files: readonly File[] | null; problem: FoundError | null } {
  const [files, setFiles] = useState<readonly File[] | null>(null);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const address = path === null ? "" : `${path.conversation}/${path.path}`;
  useEffect(() => setFiles(null), [address]);
  useEffect(() => {
    if (path === null) return;
    let current = true;
    api.files(path).then(
      (found) => {
        if (!current) return;
        setFiles(found.files);
        setProblem(null);
      },
      (error: unknown) => current && setProblem(foundError(error)),
    );
    return () => {
      current = false;
    };
  }, [address, revision]);
  return { files, problem };
}

export const FilesPanel = memo(function FilesPanel({ path, files, facts, problem, uploads, dismiss, pick, preview, changed, canChange }: {
  path: PathName | null;
  files: readonly File[] | null;
  facts: Readonly<Record<string, FileFacts>>;
  problem: FoundError | null;
  uploads: readonly UploadEntry[];
  dismiss: (id: number) => void;
  pick: () => void;
  preview: (name: string) => void;
  changed: () => void;
  canChange: boolean;
}) {
  const groups: [string, readonly File[]][] = [
    ["Results", (files ?? []).filter((file) => file.name.startsWith("outputs/"))],
    ["Your files", (files ?? []).filter((file) => file.name.startsWith("inputs/"))],
    ["Other files", (files ?? []).filter((file) => !/^(in|out)puts\//.test(file.name))],
  ];
  const empty = (files ?? []).length === 0 && uploads.length === 0;
  return (
    <section className="files" aria-label="Files">
      <Button className="add-files" icon={<AddRegular />} onClick={pick} disabled={!canChange}>
        Add files
      </Button>
      {uploads.map((entry) => (
        <UploadRow key={entry.id} entry={entry} dismiss={() => dismiss(entry.id)} />
      ))}
      {problem && <ErrorCard error={problem} />}
      {path !== null && files === null && !problem && <Spinner size="tiny" label="Looking for files" />}
      {empty && (path === null || files !== null) && (
        <p className="quiet empty">
          Drop workbooks anywhere on this page, or choose them. Your files stay as they are; results are new files.
        </p>
      )}
      {groups.map(
        ([title, listed]) =>
          path !== null &&
          listed.length > 0 && (
            <div key={title}>
              <h3 className="group">{title}</h3>
              <ul className="file-list">
                {listed.map((file) => (
                  <FileRow key={file.name} path={path} file={file} facts={facts[file.name] ?? null} preview={preview} changed={changed} canChange={canChange} />
                ))}
              </ul>
            </div>
          ),
      )}
    </section>
  );
});

const WORDS: Partial<Record<UploadEntry["state"], string>> = {
  paused: "The service does not answer; the upload goes on when it does.",
  unfinished: "Choose the same file again to go on.",
};

function UploadRow({ entry, dismiss }: { entry: UploadEntry; dismiss: () => void }) {
  return (
    <div className={`upload upload-${entry.state}`} role={entry.state === "problem" ? "alert" : undefined}>
      <div className="line">
        {entry.state === "problem" && <WarningRegular className="warn" />}
        <span className="grow breakable">
          {entry.problem ? `${entry.problem.message} ${entry.problem.hint}` : entry.name}
          {WORDS[entry.state] && (
            <span className="quiet upload-words" role="status">
              {" "}
              {entry.state === "unfinished" && `${Math.floor(entry.progress * 100)} % of ${size(entry.size)} sent. `}{WORDS[entry.state]}
            </span>
          )}
        </span>
        <Button
          size="small"
          appearance="subtle"
          icon={<DismissRegular />}
          aria-label={entry.state === "problem" ? `Dismiss ${entry.name}` : `Cancel the upload of ${entry.name}`}
          onClick={dismiss}
        />
      </div>
      {entry.state !== "problem" && (
        <ProgressBar value={entry.progress} aria-label={`Upload of ${entry.name}`} thickness="medium" />
      )}
    </div>
  );
}

function FileRow({ path, file, facts, preview, changed, canChange }: {
  path: PathName;
  file: File;
  facts: FileFacts | null;
  preview: (name: string) => void;
  changed: () => void;
  canChange: boolean;
}) {
  const [history, setHistory] = useState(false);
  const name = shortName(file.name);
  const isTable = TABLES.test(name);
  return (
    <li className="file" data-name={file.name}>
      <div className="file-bar">
        {isTable ? <DocumentTableRegular className="made-icon" /> : <DocumentRegular className="made-icon" />}
        <div className="grow">
          <div className="breakable strong">{name}</div>
          <div className="quiet file-size">
            {size(file.size)}
            {facts?.share != null && `, being read: ${Math.floor(facts.share * 100)} %`}
            {facts && facts.tables > 0 ? `, ${count(facts.tables, "table")}` : ""}
          </div>
          {facts?.share != null && <ProgressBar value={facts.share} aria-label={`Reading ${name}`} />}
        </div>
        <span className="file-actions">
          {isTable && (
            <Button size="small" appearance="subtle" icon={<EyeRegular />} aria-label={`Preview ${name}`} onClick={() => preview(file.name)} />
          )}
          <Button
            size="small"
            appearance="subtle"
            icon={<HistoryRegular />}
            aria-expanded={history}
            aria-label={`Versions of ${name}`}
            onClick={() => setHistory(!history)}
          />
          <Button
            as="a"
            size="small"
            appearance="subtle"
            icon={<ArrowDownloadRegular />}
            aria-label={`Download ${name}`}
            href={fileAddress(path, file.name)}
            download={name}
          />
        </span>
      </div>
      {facts?.problem && (
        <p className="line file-problem">
          <WarningRegular className="warn" />
          <span className="breakable">{facts.problem.message} {facts.problem.hint}</span>
        </p>
      )}
      {history && <Versions path={path} file={file} changed={changed} canChange={canChange} />}
    </li>
  );
}

function Versions({ path, file, changed, canChange }: { path: PathName; file: File; changed: () => void; canChange: boolean }) {
  const [found, setFound] = useState<Schemas["FileVersions"] | null>(null);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const look = useCallback(() => {
    api.versions(path, file.name).then(
      (versions) => {
        setFound(versions);
        setProblem(null);
      },
      (error: unknown) => setProblem(foundError(error)),
    );
  }, [path, file]);
  useEffect(look, [look]);
  const putBack = (sha256: string) =>
    api.putBack(path, file.name, sha256).then(
      () => {
        changed();
        look();
      },
      (error: unknown) => setProblem(foundError(error)),
    );
  return (
    <div className="versions">
      {problem && <ErrorCard error={problem} />}
      {found === null && !problem && <Spinner size="extra-tiny" />}
      <ol>
        {[...(found?.versions ?? [])].reverse().map((version, place) => (
          <li key={place} className="version">
            <span className="grow breakable">
              {version.at ? moment(version.at) : "Earlier"}
              <span className="quiet">
                {" "}
                {[version.user ? `by ${version.user}` : version.cell ? "made by code" : "", size(version.size)].filter(Boolean).join(", ")}
              </span>
            </span>
            {version.current ? (
              <span className="quiet">current</span>
            ) : !version.kept ? (
              <span className="quiet">not kept</span>
            ) : (
              file.name.startsWith("inputs/") && version.sha256 !== null && (
                <Button size="small" className="put-back" disabled={!canChange} onClick={() => void putBack(version.sha256 ?? "")}>
                  Put back
                </Button>
              )
            )}
            {version.url !== null && (
              <Button as="a" size="small" appearance="subtle" icon={<ArrowDownloadRegular />} aria-label="Download this version" href={version.url} download={shortName(file.name)} />
            )}
          </li>
        ))}
      </ol>
    </div>
  );
}
