// Microsoft's Speech SDK for JavaScript 1.24.1, unmodified, from enrolling to deleting.
//
//   npm install --ignore-scripts
//   node check.js http://127.0.0.1:8765 KEY FOLDER
//
// FOLDER holds WAV files: taken-1 to taken-4 (one person, the tenth pass phrase), other (somebody else, the same),
// long-1 and long-2 (the person, more than 4 s of speech), other-long (somebody else).
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const sdk = require("microsoft-cognitiveservices-speech-sdk");

const [url, key, folder] = process.argv.slice(2);
const PHRASE = "be yourself everyone else is already taken";
const NOBODY = "00000000-0000-0000-0000-000000000000";
const audio = (name) => sdk.AudioConfig.fromWavFileInput(fs.readFileSync(path.join(folder, `${name}.wav`)), `${name}.wav`);
const client = (secret) => new sdk.VoiceProfileClient(sdk.SpeechConfig.fromHost(new URL(url), secret));
const Type = sdk.VoiceProfileType;
const Reason = sdk.ResultReason;
let voices;
let speaker;

async function step(name, work) {
  const shown = await work();
  console.log(`ok   ${name}${shown === undefined ? "" : `: ${shown}`}`);
}

const recognize = async (model, name) => {
  const recognizer = new sdk.SpeakerRecognizer(sdk.SpeechConfig.fromHost(new URL(url), key), audio(name));
  const result = await recognizer.recognizeOnceAsync(model);
  recognizer.close();
  return result;
};

async function textDependent() {
  await step("text-dependent phrases", async () => {
    const found = await voices.getActivationPhrasesAsync(Type.TextDependentVerification, "en-us");
    assert.equal(found.reason, Reason.EnrollingVoiceProfile);
    assert.ok(JSON.stringify(found).includes(PHRASE));
  });
  const profile = await voices.createProfileAsync(Type.TextDependentVerification, "en-us");
  assert.match(profile.profileId, /^[0-9a-f-]{36}$/);
  for (const [count, name] of ["taken-1", "taken-2", "taken-3"].entries()) {
    await step(`text-dependent enrollment ${count + 1}`, async () => {
      const result = await voices.enrollProfileAsync(profile, audio(name));
      assert.equal(result.reason, count < 2 ? Reason.EnrollingVoiceProfile : Reason.EnrolledVoiceProfile);
      assert.equal(result.enrollmentsCount, count + 1);
      assert.equal(result.enrollmentResultDetails.remainingEnrollmentsCount, 2 - count);
      assert.equal(result.enrollmentResultDetails.passPhrase, PHRASE);
    });
  }
  const model = sdk.SpeakerVerificationModel.fromProfile(profile);
  for (const [name, reason] of [["taken-4", Reason.RecognizedSpeaker], ["other", Reason.NoMatch]]) {
    await step(`text-dependent verification of ${name}`, async () => {
      const result = await recognize(model, name);
      assert.equal(result.profileId, profile.profileId);
      assert.equal(result.reason, reason, result.errorDetails);
      assert.equal(result.score >= 0.5, reason === Reason.RecognizedSpeaker);
      return `${sdk.ResultReason[result.reason]}, score ${result.score.toFixed(4)}`;
    });
  }
  return profile;
}

async function textIndependent(type) {
  const name = type === Type.TextIndependentVerification ? "verification" : "identification";
  await step(`text-independent ${name} phrases`, async () => {
    const found = await voices.getActivationPhrasesAsync(type, "en-us");
    assert.ok(JSON.stringify(found).includes("I'll talk for a few seconds"));
  });
  const profile = await voices.createProfileAsync(type, "en-us");
  await step(`text-independent ${name} enrollment`, async () => {
    const result = await voices.enrollProfileAsync(profile, audio("long-1"));
    assert.equal(result.reason, Reason.EnrolledVoiceProfile);
    assert.equal(result.enrollmentsCount, 1);
    return `${result.enrollmentResultDetails.enrollmentsSpeechLengthInSec} s of speech`;
  });
  return profile;
}

async function main() {
  await step("a wrong key is refused", async () => {
    voices = client("wrong");
    const refused = voices.createProfileAsync(Type.TextIndependentVerification, "en-us");
    await assert.rejects(refused, /code: 401, message: Access denied due to invalid subscription key or wrong API endpoint/);
  });
  voices = client(key);
  const profiles = [
    await textDependent(),
    await textIndependent(Type.TextIndependentVerification),
    await textIndependent(Type.TextIndependentIdentification),
  ];
  for (const [name, reason] of [["long-2", Reason.RecognizedSpeaker], ["other-long", Reason.NoMatch]]) {
    await step(`text-independent verification of ${name}`, async () => {
      const result = await recognize(sdk.SpeakerVerificationModel.fromProfile(profiles[1]), name);
      assert.equal(result.reason, reason, result.errorDetails);
      return `${sdk.ResultReason[result.reason]}, score ${result.score.toFixed(4)}`;
    });
    await step(`identification of ${name}`, async () => {
      const result = await recognize(sdk.SpeakerIdentificationModel.fromProfiles([profiles[2]]), name);
      assert.equal(result.profileId, reason === Reason.RecognizedSpeaker ? profiles[2].profileId : NOBODY);
      return result.profileId === NOBODY ? "nobody" : "the person";
    });
  }
  for (const profile of profiles) {
    await step("retrieve, list, reset, delete", async () => {
      const found = await voices.retrieveEnrollmentResultAsync(profile);
      assert.equal(found.reason, Reason.EnrolledVoiceProfile);
      assert.equal(found.enrollmentResultDetails.profileId, profile.profileId);
      const all = await voices.getAllProfilesAsync(profile.profileType);
      assert.deepEqual(all.map((each) => each.enrollmentResultDetails.profileId), [profile.profileId]);
      const reset = await voices.resetProfileAsync(profile);
      assert.equal(reset.reason, Reason.ResetVoiceProfile, reset.errorDetails);
      assert.equal((await voices.retrieveEnrollmentResultAsync(profile)).enrollmentsCount, 0);
      const gone = await voices.deleteProfileAsync(profile);
      assert.equal(gone.reason, Reason.DeletedVoiceProfile, gone.errorDetails);
    });
  }
  voices.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
