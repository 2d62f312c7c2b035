/** What a person does with their account: links, second factor, settings, sharing, leaving. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { axios, BASE_URL, dataService, library } from './lib/browser.mjs';
import { PASSWORD, Person, administrator, newPerson, refused, stranger } from './lib/people.mjs';
import { codeOf } from './lib/totp.mjs';
import { until } from './lib/waiting.mjs';

const { ResourceType } = library;
const CHECK_EMAIL = { message: 'Please check your email to verify your email address.' };

/** The link of a mail, which a server without a mail server writes to its log: after it has
 * answered, so that the answer takes as long for nobody as for somebody. */
async function linkFor(person) {
  const [, token] = await until(() => lastLink(person.user.id), Boolean);
  return { token, userId: person.user.id };
}

async function lastLink(id) {
  const log = await readFile(process.env.CONTRACT_SERVER_LOG, 'utf8');
  const links = [...log.matchAll(/reset-password\?token=([0-9a-f]{64})&userId=([0-9a-f]{24})/g)];
  return links.findLast(([, , userId]) => userId === id);
}

// -- Mailed links ------------------------------------------------------------------------------

test('a forgotten password is set anew by the link, once, and signs devices out', async () => {
  const person = await newPerson('alice');
  stranger();
  const sent = await dataService.requestPasswordReset({ email: person.email });
  assert.deepEqual(Object.keys(sent), ['message'], 'no link in the answer');
  const unknown = await dataService.requestPasswordReset({ email: 'nobody@example.com' });
  assert.deepEqual(unknown, sent, 'nobody learns who has an account');

  const link = await linkFor(person);
  const form = { ...link, password: 'another password', confirm_password: 'another password' };
  await refused(dataService.resetPassword({ ...form, token: 'f'.repeat(64) }), 400, {});
  await refused(dataService.resetPassword({ ...form, confirm_password: 'different' }), 400);
  assert.deepEqual(await dataService.resetPassword(form), {
    message: 'Password reset was successful',
  });
  await refused(dataService.resetPassword(form), 400, {});

  await refused(person.signIn(), 404);
  person.password = 'another password';
  await person.signIn();
});

test('addresses are verified by a token, and asking again tells nothing', async () => {
  const person = await newPerson('bob');
  stranger();
  await refused(dataService.verifyEmail({ email: person.email, token: 'x' }), 400, {
    message: 'Invalid or expired email verification token',
  });
  for (const email of [person.email, 'nobody@example.com']) {
    assert.deepEqual(await dataService.resendVerificationEmail({ email }), CHECK_EMAIL);
  }
});

// -- Second factor -----------------------------------------------------------------------------

/** Set up as the client does it: enable, verify, confirm with the same code. */
async function withSecondFactor(name) {
  const person = await newPerson(name);
  const { otpauthUrl, backupCodes } = await dataService.enableTwoFactor();
  const secret = otpauthUrl.split('secret=')[1].split('&')[0];
  await dataService.verifyTwoFactor({ token: codeOf(secret) });
  await dataService.confirmTwoFactor({ token: codeOf(secret) });
  assert.equal((await dataService.getUser()).twoFactorEnabled, true);
  return { person, secret, backupCodes };
}

async function passwordAlone(person) {
  stranger();
  const { email, password } = person;
  const answer = await dataService.login({ email, password });
  assert.equal(answer.twoFAPending, true);
  assert.equal('token' in answer, false);
  return answer.tempToken;
}

test('the second factor is asked for, and each code lets in once', async () => {
  const { person, secret, backupCodes } = await withSecondFactor('carol');
  assert.equal(backupCodes.length, 10);
  const tempToken = await passwordAlone(person);
  await refused(dataService.verifyTwoFactorTemp({ token: '123456' }), 400, {
    message: 'Missing temporary token',
  });
  const wrong = { tempToken, token: '000000' };
  await refused(dataService.verifyTwoFactorTemp(wrong), 401);
  await refused(dataService.verifyTwoFactorTemp({ ...wrong, tempToken: 'x.y.z' }), 401);

  const token = codeOf(secret);
  const entered = await dataService.verifyTwoFactorTemp({ tempToken, token });
  assert.equal(entered.user.id, person.user.id);
  await refused(dataService.verifyTwoFactorTemp({ tempToken, token }), 401);

  const backup = { tempToken: await passwordAlone(person), backupCode: backupCodes[0] };
  assert.ok((await dataService.verifyTwoFactorTemp(backup)).token);
  await refused(dataService.verifyTwoFactorTemp(backup), 401);
});

test('the temporary token opens nothing else', async () => {
  const { person } = await withSecondFactor('dora');
  const tempToken = await passwordAlone(person);
  library.setTokenHeader(tempToken);
  const call = axios.get(`${BASE_URL}/api/user`, { validateStatus: () => true });
  assert.equal((await call).status, 401);
  window.location.href = '';
});

test('codes are replaced and the factor is removed by a proof alone', async () => {
  const { person, secret } = await withSecondFactor('emil');
  await refused(dataService.regenerateBackupCodes({}), 400);
  await refused(dataService.regenerateBackupCodes({ token: '000000' }), 401);
  const codes = await dataService.regenerateBackupCodes({ token: codeOf(secret) });
  assert.equal(codes.backupCodes.length, 10);
  assert.deepEqual(codes.backupCodesHash[0].used, false);

  await refused(dataService.disableTwoFactor({}), 400);
  await refused(dataService.disableTwoFactor({ token: '000000' }), 401);
  await dataService.disableTwoFactor({ backupCode: codes.backupCodes[3] });
  assert.equal((await dataService.getUser()).twoFactorEnabled, false);
  await refused(dataService.disableTwoFactor({ token: codeOf(secret) }), 400);
  await person.signIn();
});

test('what was never set up is refused without ending the session', async () => {
  await newPerson('fanny');
  await refused(dataService.verifyTwoFactor({ token: '000000' }), 400);
  await refused(dataService.confirmTwoFactor({ token: '000000' }), 400);
  await refused(dataService.regenerateBackupCodes({ token: '000000' }), 404);
  assert.equal((await dataService.getUser()).name, 'fanny');
});

// -- Settings ----------------------------------------------------------------------------------

test('favourites, the order of what is pinned and preferences are kept', async () => {
  await newPerson('gustav');
  assert.deepEqual(await dataService.getFavorites(), []);
  const favorites = [{ model: 'gpt-4.1', endpoint: 'openAI' }, { spec: 'tutor' }];
  assert.deepEqual(await dataService.updateFavorites(favorites), favorites);
  assert.deepEqual(await dataService.getFavorites(), favorites);
  const many = Array.from({ length: 51 }, (_, number) => ({ spec: `s${number}` }));
  const { code, limit } = await refused(dataService.updateFavorites(many), 400);
  assert.deepEqual([code, limit], ['MAX_FAVORITES_EXCEEDED', 50]);

  assert.deepEqual(await dataService.getPinnedOrder(), []);
  assert.deepEqual(await dataService.updatePinnedOrder(['b', 'a']), ['b', 'a']);

  const chosen = { statefulCodeEnvironment: 'conversation' };
  assert.deepEqual(await dataService.updateUserPreferences(chosen), {
    updated: true,
    preferences: chosen,
  });
});

test('tools are marked, and skills that are not there are left out', async () => {
  await newPerson('hanna');
  const item = { itemType: 'mcp', itemId: 'files/with slash' };
  await dataService.addToolFavorite(item);
  assert.deepEqual(await dataService.getToolFavorites(), [item]);
  await dataService.removeToolFavorite(item);
  assert.deepEqual(await dataService.getToolFavorites(), []);
  const unknown = { itemType: 'thing', itemId: 'x' };
  assert.equal((await refused(dataService.addToolFavorite(unknown), 400)).code, 'INVALID_ITEM_TYPE');

  assert.deepEqual(await dataService.updateSkillStates({ ['a'.repeat(24)]: true }), {});
  assert.deepEqual(await dataService.getSkillStates(), {});
});

test('a tool is installed with its credentials and removed', async () => {
  await newPerson('ida');
  const plugin = { pluginKey: 'search', action: 'install', auth: { KEY: 'secret' } };
  await dataService.updateUserPlugins(plugin);
  assert.deepEqual((await dataService.getUser()).plugins, ['search']);
  await dataService.updateUserPlugins({ ...plugin, action: 'uninstall', auth: null });
  assert.deepEqual((await dataService.getUser()).plugins, []);
  await refused(dataService.updateUserPlugins({ ...plugin, action: 'steal' }), 400);
});

// -- Roles and sharing -------------------------------------------------------------------------

test('roles are read by whom they concern and changed by administrators', async () => {
  const person = await newPerson('jan');
  assert.equal((await dataService.getRole('USER')).name, 'USER');
  await refused(dataService.getRole('ADMIN'), 403, { message: 'Unauthorized' });
  const change = { roleName: 'USER', updates: { VIEW_USERS: true } };
  await refused(dataService.updatePeoplePickerPermissions(change), 403);
  await refused(dataService.searchPrincipals({ q: 'jan' }), 403);

  await administrator();
  await refused(dataService.getRole('NOBODY'), 404);
  const changed = await dataService.updatePeoplePickerPermissions(change);
  assert.equal(changed.permissions.PEOPLE_PICKER.VIEW_USERS, true);

  person.act();
  const found = await dataService.searchPrincipals({ q: person.email, types: ['user'], limit: 5 });
  assert.deepEqual(found.results, [
    {
      type: 'user',
      id: person.user.id,
      idOnTheSource: person.user.id,
      name: 'jan',
      username: person.username,
      email: person.email,
      provider: 'local',
      source: 'local',
    },
  ]);
  assert.deepEqual(found.sources, { local: 1, entra: 0 });
  await refused(dataService.searchPrincipals({ q: 'jan', types: ['group'] }), 403);
  await refused(dataService.searchPrincipals({ q: 'j' }), 400);
  await administrator();
  await dataService.updatePeoplePickerPermissions({ ...change, updates: { VIEW_USERS: false } });
});

test('a feature nobody built stays off, whatever an administrator says and nobody else may', async () => {
  const person = await newPerson('rosa');
  const change = { roleName: 'USER', updates: { USE: true } };
  for (const asPerson of [true, false]) {
    const answers = {
      AGENTS: () => dataService.updateAgentPermissions(change),
      MARKETPLACE: () => dataService.updateMarketplacePermissions(change),
      MCP_SERVERS: () => dataService.updateMCPServersPermissions(change),
      SKILLS: () => dataService.updateSkillPermissions(change),
    };
    for (const [feature, update] of Object.entries(answers)) {
      if (asPerson) {
        person.act();
        await refused(update(), 403);
      } else {
        await administrator();
        assert.equal((await update()).permissions[feature].USE, false, feature);
      }
    }
  }
});

test('who may have keys of the API is changed by administrators alone', async () => {
  const person = await newPerson('rita');
  const change = (USE) => ({ roleName: 'USER', updates: { USE } });
  const used = async () => (await dataService.getRole('USER')).permissions.REMOTE_AGENTS.USE;
  await refused(dataService.updateRemoteAgentsPermissions(change(true)), 403);
  const before = await used();
  for (const isAllowed of [!before, before]) {
    await administrator();
    await dataService.updateRemoteAgentsPermissions(change(isAllowed));
    person.act();
    assert.equal(await used(), isAllowed);
  }
});

test('roles are listed to administrators alone', async () => {
  await newPerson('sara');
  await refused(dataService.listRoles(), 403);
  await administrator();
  const { roles, total } = await dataService.listRoles();
  assert.equal(roles.length, total);
  assert.ok(['ADMIN', 'USER'].every((name) => roles.some((role) => role.name === name)));
});

test('what belongs to other products is refused without signing anybody out', async () => {
  await newPerson('tina');
  await refused(dataService.getGraphApiToken({ scopes: 'files' }), 404);
  await refused(dataService.getLoginGoogle(), 404);
  await refused(dataService.revokeUserKey('openAI'), 404);
  await refused(dataService.revokeAllUserKeys(), 404);
  const form = new FormData();
  await refused(dataService.uploadAgentAvatar({ agent_id: 'x', formData: form }), 404);
  await refused(dataService.uploadAssistantAvatar({ assistant_id: 'x', formData: form }), 404);
  assert.equal((await dataService.getUser()).name, 'tina');
});

test('the share dialog finds its roles, and nothing of what is not there', async () => {
  await newPerson('karl');
  for (const type of Object.values(ResourceType)) {
    const roles = await dataService.getAccessRoles(type);
    for (const role of roles) {
      assert.equal(library.accessRoleToPermBits(role.accessRoleId), role.permBits);
    }
    assert.deepEqual(await dataService.getAllEffectivePermissions(type), {});
    const bits = await dataService.getEffectivePermissions(type, 'f'.repeat(24));
    assert.deepEqual(bits, { permissionBits: 0 });
    await refused(dataService.getResourcePermissions(type, 'f'.repeat(24)), 404);
    const nothing = { updated: [], removed: [] };
    await refused(dataService.updateResourcePermissions(type, 'f'.repeat(24), nothing), 404);
  }
});

test('a prompt is shared with a person, who then sees it, and taken back', async () => {
  const owner = await newPerson('lena');
  const friend = await newPerson('mona');
  const boss = await administrator();
  const name = `Tides ${owner.username}`;
  const { group } = await dataService.createPrompt({
    prompt: { prompt: 'When is high tide?', type: 'text' },
    group: { name },
  });
  const id = group._id;
  const { promptGroup } = { promptGroup: ResourceType.PROMPTGROUP };
  assert.equal((await dataService.getEffectivePermissions(promptGroup, id)).permissionBits, 15);
  const grant = { type: 'user', id: friend.user.id, accessRoleId: 'promptGroup_viewer' };
  const changed = await dataService.updateResourcePermissions(promptGroup, id, {
    updated: [grant],
    removed: [],
  });
  assert.equal(changed.results.principals[0].email, friend.email);
  const shown = await dataService.getResourcePermissions(promptGroup, id);
  assert.deepEqual(
    shown.principals.map((each) => [each.id, each.accessRoleId]),
    [
      [boss.user.id, 'promptGroup_owner'],
      [friend.user.id, 'promptGroup_viewer'],
    ],
  );

  friend.act();
  assert.equal((await dataService.getAllEffectivePermissions(promptGroup))[id], 1);
  await refused(dataService.getResourcePermissions(promptGroup, id), 403);
  owner.act();
  await refused(dataService.getResourcePermissions(promptGroup, id), 404);

  boss.act();
  await dataService.updateResourcePermissions(promptGroup, id, { updated: [], removed: [grant] });
  friend.act();
  assert.deepEqual(await dataService.getAllEffectivePermissions(promptGroup), {});
});

// -- Leaving -----------------------------------------------------------------------------------

test('an account with a second factor is deleted by a proof, and gone', async () => {
  const { person, backupCodes } = await withSecondFactor('nils');
  await refused(dataService.deleteUser({}), 400);
  await refused(dataService.deleteUser({ token: '000000' }), 401);
  await person.act();
  const gone = await dataService.deleteUser({ backupCode: backupCodes[0] });
  assert.deepEqual(gone, { message: 'User deleted' });
  await refused(dataService.logout(), 401);
  const again = Object.assign(new Person(), { email: person.email, password: PASSWORD });
  await refused(again.signIn(), 404);
});
