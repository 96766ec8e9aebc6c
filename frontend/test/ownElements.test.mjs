import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

// A browser that translates a page puts elements around its words (<font>). React finds a text by its place among the children of
// an element, and throws when it has to take away, or to put something before, one that stands there no longer. So a text that
// has something beside it that comes and goes, or that comes and goes itself beside something, has an element of its own:
// `<b>…</b>{isNew && ' new'}` fails here, `<b>…</b>{isNew && <span> new</span>}` doesn't.

const ts = createRequire('/usr/share/nodejs/')('typescript');

const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile);
const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, '.');

/** The faults of a program, as "file:line: text". */
export function faultsOf(program) {
  const checker = program.getTypeChecker();
  const faults = [];

  const parts = (type) => (type.isUnion() ? type.types.flatMap(parts) : [type]);
  // A list of lists (Elements) is looked into once.
  // An empty string leaves nothing: `venue && <dd>{venue}</dd>`.
  const isText = (type) => (Boolean(type.flags & (ts.TypeFlags.StringLike | ts.TypeFlags.NumberLike)) && type.value !== '')
    || listed(type).some((one) => parts(one).some((part) => part !== type && isText(part)));
  const listed = (type) => (checker.isArrayType(type) ? checker.getTypeArguments(type) : []);
  const isNothing = (type) => Boolean(type.flags & (ts.TypeFlags.Null | ts.TypeFlags.Undefined | ts.TypeFlags.BooleanLike | ts.TypeFlags.Void));

  /** What an expression can leave in a page: texts, nothing, elements. */
  function kindsOf(expression) {
    if (ts.isParenthesizedExpression(expression)) return kindsOf(expression.expression);
    if (ts.isJsxElement(expression) || ts.isJsxSelfClosingElement(expression)) {
      const tag = ts.isJsxElement(expression) ? expression.openingElement.tagName : expression.tagName;
      // What a component draws may come and go, and must be an element or nothing: see `visit`.
      return { text: false, comes: !/^[a-z]/.test(tag.getText()) };
    }
    if (ts.isJsxFragment(expression)) return childrenKinds(expression);
    const all = parts(checker.getTypeAtLocation(expression));
    const text = all.some(isText);
    const others = all.filter((type) => !isText(type) && type.value !== '');
    // A list of elements, a branch, what was handed in: anything but one text or one element.
    const comes = others.some((type) => isNothing(type) || !isElement(type)) || (text && others.length > 0)
      || (!text && !ts.isIdentifier(expression) && ts.isConditionalExpression(expression));
    return { text, comes };
  }

  function isElement(type) {
    return ['Element', 'ReactElement'].includes(type.symbol?.name ?? '') && !checker.isArrayType(type);
  }

  function meaningful(node) {
    return node.children.filter((child) => !(ts.isJsxText(child) && child.containsOnlyTriviaWhiteSpaces)
      && !(ts.isJsxExpression(child) && !child.expression));
  }

  function childrenKinds(node) {
    const kinds = meaningful(node).map((child) => (
      ts.isJsxText(child) ? { text: true, comes: false }
        : ts.isJsxExpression(child) ? kindsOf(child.expression)
          : ts.isJsxFragment(child) ? childrenKinds(child) : kindsOf(child)));
    return { text: kinds.some(({ text }) => text), comes: kinds.some(({ comes }) => comes), kinds };
  }

  function report(node, why) {
    const file = node.getSourceFile();
    const { line } = file.getLineAndCharacterOfPosition(node.getStart());
    faults.push(`${file.fileName.replace(/^.*\/src\//, '')}:${line + 1}: ${why}: ${node.getText().replace(/\s+/g, ' ').slice(0, 140)}`);
  }

  function visit(node) {
    if (ts.isJsxElement(node) && meaningful(node).length > 1) {
      const { text, comes } = childrenKinds(node);
      if (text && comes) report(node, 'a text beside something that comes and goes');
    }
    // A fragment goes as its children, whatever stands around it.
    if (ts.isJsxFragment(node) && childrenKinds(node).text) report(node, 'a text at the top of a fragment');
    if (isComponent(node)) {
      for (const answer of answersOf(node)) {
        if (kindsOf(answer).text) report(answer, 'a component that draws a text without an element');
      }
    }
    ts.forEachChild(node, visit);
  }

  function isComponent(node) {
    return ts.isFunctionDeclaration(node) && /^[A-Z]/.test(node.name?.text ?? '') && Boolean(node.body);
  }

  function answersOf(component) {
    const found = [];
    const look = (node) => {
      if (ts.isReturnStatement(node) && node.expression) found.push(node.expression);
      if (!ts.isFunctionLike(node) || node === component) ts.forEachChild(node, look);
    };
    look(component);
    return found;
  }

  for (const file of program.getSourceFiles()) {
    if (!file.isDeclarationFile && file.fileName.endsWith('.tsx')) visit(file);
  }
  return faults;
}

// The sources are the same in every time zone.
const once = { skip: process.env.TZ !== 'UTC' };

test('a text beside something that comes and goes has an element of its own', once, () => {
  assert.deepEqual(faultsOf(ts.createProgram(fileNames, options)), []);
});

/** The faults of these pieces of a page, by the piece. */
function faultyOf(pieces) {
  const name = `${process.cwd()}/src/sample.tsx`;
  const text = `import type { ReactNode } from 'react';
declare const is: boolean; declare const word: string; declare const perhaps: string | null; declare const node: ReactNode;
declare const words: string[]; declare function Part(): JSX.Element | null;
${pieces.map((piece, index) => `export function Sample${index}() { return ${piece}; }`).join('\n')}`;
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.getSourceFile = (file, ...rest) => (file === name ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2021, true, ts.ScriptKind.TSX) : getSourceFile(file, ...rest));
  host.fileExists = (file) => file === name || fileExists(file);
  const found = faultsOf(ts.createProgram([name, ...fileNames.filter((file) => file.endsWith('.d.ts'))], options, host));
  return pieces.filter((_piece, index) => found.some((fault) => fault.startsWith(`sample.tsx:${index + 4}:`)));
}

test('what a translated page would crash at is found, and what it would not is not', once, () => {
  const faulty = [
    '<p>{word}{is && <b />}</p>', '<p><b />{is && word}</p>', "<p>Hello {is ? <b /> : <i />}</p>", '<p>{is && <b />} text</p>', '<p>{word}<Part /></p>',
    '<p><b />{perhaps}</p>', '<p><b />{node}</p>', '<p>{words}<Part /></p>', '<>{word}<b /></>', 'is ? word : null', '<p>{is && <>{word}</>}<b /></p>', '<p>{word}{words.map((one) => <b key={one} />)}</p>',
  ];
  const sound = [
    '<p>{word}</p>', '<p>{is && word}</p>', '<p>{is ? word : <b />}</p>', '<p>{word}<b /></p>', '<p><span>{word}</span>{is && <b />}</p>', '<p>{is && <b />}{is && <i>{word}</i>}</p>',
    '<div>{word && <p>{word}</p>}<Part /></div>', '<><b>{word}</b>{is && <i />}</>', '<ul>{words.map((one) => <li key={one}>{one}</li>)}</ul>', '<p>{node}</p>',
  ];
  assert.deepEqual(faultyOf([...faulty, ...sound]), faulty);
});
