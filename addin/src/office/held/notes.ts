// Comments: kept with their replies, put back under the name of who puts them back.
import { hasApi } from "../problems";
import { boxOf, type Job, localAddress } from "../operations/job";

export interface HeldComment {
  cell: string;
  text: string;
  author: string;
  resolved: boolean;
  replies: string[];
}
export const MOST_COMMENTS = 300;
type Box = ReturnType<typeof boxOf>;

async function read(job: Job, sheet: Excel.Worksheet, place: Box | null): Promise<{ held: HeldComment; object: Excel.Comment; replies: Excel.CommentReply[] }[] | null> {
  if (!hasApi("1.11")) return null;
  const all = sheet.comments.load("items/content,items/authorName,items/resolved");
  await job.sync();
  if (all.items.length > MOST_COMMENTS) return null;
  const at = all.items.map((each) => each.getLocation().load("address"));
  const answers = all.items.map((each) => each.replies.load("items/content"));
  await job.sure();
  return all.items.map((object, n) => ({
    object,
    replies: answers[n]!.items,
    held: {
      cell: localAddress(at[n]!.address), text: object.content, author: object.authorName, resolved: object.resolved,
      replies: answers[n]!.items.map((each) => each.content),
    },
  })).filter(({ held }) => place === null || isIn(boxOf(held.cell), place));
}

const isIn = (cell: Box, place: Box): boolean =>
  cell.row >= place.row && cell.row < place.row + place.rows && cell.column >= place.column && cell.column < place.column + place.columns;

/** The comments of *place*, or of the whole sheet; null where there are too many, or this Excel can't give them. */
export const readComments = async (job: Job, sheet: Excel.Worksheet, place: Box | null): Promise<HeldComment[] | null> =>
  (await read(job, sheet, place))?.map((each) => each.held) ?? null;

/** Make the comments of *place* those of *held*; returns how many were written anew. */
export async function putComments(job: Job, sheet: Excel.Worksheet, place: Box | null, held: readonly HeldComment[]): Promise<number> {
  const now = await read(job, sheet, place);
  if (now === null) return 0;
  const left = [...held];
  for (const { held: is, object, replies } of now) {
    const found = left.findIndex((each) => each.cell === is.cell && each.text === is.text && begins(each.replies, is.replies));
    if (found < 0) {
      object.delete();
      continue;
    }
    const [wanted] = left.splice(found, 1);
    replies.slice(wanted!.replies.length).forEach((each) => each.delete());
    wanted!.replies.slice(replies.length).forEach((text) => object.replies.add(text));
    if (is.resolved !== wanted!.resolved) object.resolved = wanted!.resolved;
  }
  for (const each of left) {
    const made = job.context.workbook.comments.add(sheet.getRange(each.cell), each.text);
    each.replies.forEach((text) => made.replies.add(text));
    if (each.resolved) made.resolved = true;
  }
  await job.sync();
  return left.length;
}

/** Whether the shorter of two lists of replies is how the longer one begins. */
const begins = (a: readonly string[], b: readonly string[]): boolean => {
  const shorter = Math.min(a.length, b.length);
  return a.slice(0, shorter).every((text, n) => text === b[n]);
};
